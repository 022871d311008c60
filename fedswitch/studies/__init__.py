"""Sec. V: one module per figure, the notebooks that show them, and the records that they leave.

Import the module that you need (`from fedswitch.studies import fig4_switching`): some are light, some need torch.
"""
