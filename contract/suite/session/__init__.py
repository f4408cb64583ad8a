"""
How is a run made once, whoever asks for it and however it ends?
"""
