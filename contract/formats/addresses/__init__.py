"""
Where does a URL or an IP address lead, and may it be written so?
"""
