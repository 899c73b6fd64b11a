"""Models of the Hugging Face hub: fetched from there, and published.

get                 one model into the hub's cache, checked
card                the model card of what is published
push                a model of any kind to the hub
"""
