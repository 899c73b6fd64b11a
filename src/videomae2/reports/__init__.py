"""Values → text, HTML, PNG and MP4. Never trains, never loads models.

html                    text, tables and the page around them; escapes what comes from data
charts, matrices        plots, confusion matrices and bars as SVG
curves                  the training curve of a run, as a picture and for pages
image_canvas            pictures of pixels: boxes, text that keeps to its width, PNG files
filmstrip               a few frames of a clip side by side
evaluation_result       what an evaluation found, as values
evaluation              the page of an evaluation
evaluation_sections     its sections: classes, confusions, calibration, views, sources
probe                   the report of a probe, for people and for programs
reconstruction          rows and captions of a reconstructed clip
reconstruction_image    one clip in detail, several on one sheet, or as a video
timeline                the picture of a time line
timeline_video          a video with the time line below it
demo                    the page of the demo
"""
