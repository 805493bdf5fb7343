"""Cuts the font of the dashboard out of the package: usage: font.py PACKAGE_FILE OUT

Its weights go from 400 to 600, which is what the design uses; the whole range takes half as much again.
Needs fonttools and brotli. What it wrote last, from 5.3.0, is src/style/geist.woff2.
"""

import io
import sys

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

source, out = sys.argv[1:]
narrow = io.BytesIO()
instancer.instantiateVariableFont(TTFont(source), {"wght": (400, 400, 600)}).save(narrow)
font = TTFont(narrow)
options = subset.Options(flavor="woff2", hinting=False, notdef_outline=True)
options.layout_features = ["ccmp", "kern", "liga", "locl", "mark", "mkmk", "pnum", "tnum"]
options.name_IDs = [0, 1, 2, 13, 14]
cut = subset.Subsetter(options)
cut.populate(unicodes=font.getBestCmap())
cut.subset(font)
subset.save_font(font, out, options)
