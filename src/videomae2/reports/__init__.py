"""Values → text, HTML, PNG and MP4. Never trains, never loads models.

html                    pages from the templates in templates/, each one file that loads nothing
charts                  plots as SVG for pages, or as PNG; the style of all
confusion_matrix        a confusion matrix as SVG
curves                  the training curves of a run, as a PNG and for pages
image_canvas            pictures of pixels: boxes, text, filmstrips of frames, PNG files
evaluation_result       what an evaluation found, as values
evaluation              the page of an evaluation
evaluation_sections     plots and rows of its sections: classes, confusions, calibration, views
probe                   the report of a probe, for people and for programs
reconstruction          rows and captions of a reconstructed clip
reconstruction_image    one clip in detail, several on one sheet, or as a video
attention               where a model looks, as a picture and a film
contact_sheet           film strips of what was found, one below the other
timeline                the picture of a time line
timeline_text           what its files say: JSON, tables, subtitles
timeline_video          a video with the time line below it
demo                    the page of the demo
"""
