"""Stages that follow from one another, as one file says: ``videomae2 run``.

stages.py     what a kind of stage has to bring
kinds.py      the trainings; distilling.py, evaluating.py the other kinds
promises.py   what a stage will give, held against those that start from it
resolving.py  the file and the recipes → complete stages
checking.py   everything that can be known before the first step
state.py      what is remembered of a stage, in its folder
planning.py   what has to be done about a stage, and why
running.py    one stage after the other
telling.py    the plan and the results, for people and as JSON
"""
