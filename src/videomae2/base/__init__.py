"""What everything stands on; the standard library only.

files        written whole or not at all; free space
lock         a lock on a folder
file_kinds   what a file is, by its first bytes
json_files   small files of JSON and text, read or refused
weight_files why a file of weights cannot be read, by its size and first bytes
jsonl        a file of JSON lines that only grows
schema       plain values of a file → dataclasses, every problem at once
ranges       the range of a number, as part of its type
provenance   named values → a digest, and how two of them differ
signals      requests to stop or to save
progress     how far a long job is
summary      rows of a label and a text
names        names of files of any bytes, for people and for programs
file_kinds   what a file is, by its first bytes
text         numbers, sizes and times in words; tables
"""
