"""How the documentation is made: its pages run their own code."""
