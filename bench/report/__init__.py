"""What a benchmark found, as text, as SVG plots and as tables in docs/.

May import nothing else of bench/.
Read report.py first.
"""
