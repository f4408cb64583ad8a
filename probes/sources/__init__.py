"""
Sources of job ids: static, file, listing, pushed; more come in as plug-ins.
"""
