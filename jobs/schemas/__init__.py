"""JSON Schemas for answers: is a schema one that we can hold answers to, and does a value fit?"""
