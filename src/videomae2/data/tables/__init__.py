"""Tables with a header as lists of videos. No torch here.

read           a table → the entries of a manifest
filters        the rows that are kept
split_columns  columns of training and test rows that no filter reads
columns        what columns mean, and in which unit windows count
window_names   what the name of a column tells of a window
times          whole numbers and times in cells
other_windows  columns that look like a window and are none
not_tables     tables that are not seen as such
labels         numbers or names of classes, in one column or two
label_cells    what a cell of labels may look like
cells          a table → cells of text; CSV and TSV
json_rows      JSON → cells of text
parquet        Parquet → cells of text
values         cells of text: lists in a cell, words for nothing
"""
