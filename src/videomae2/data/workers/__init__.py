"""A function run in processes that can be killed. No torch here.

pool            requests → results in their order
worker          one worker of a pool: its queue, its process, what it has done
process         a process as the main process sees it
main            the program of a process
inline          requests run in this process
shared_buffer   the memory that requests and results go through
memory          how much memory is free
"""
