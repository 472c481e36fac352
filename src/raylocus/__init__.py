"""raylocus: where is the phone, and how sure can we be?"""
