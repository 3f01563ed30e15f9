"""Drum grooves by feel, as sixteenth-note grammars.

One character a sixteenth: `X` accent, `x` hit, `o` half of the time, `-` a ghost note, `.` rest,
`r` a roll. A piece may list several lines; one is drawn per loop, so a loop repeats itself.
"""

from __future__ import annotations

from typing import Final

PIECES: Final = (
    "kick", "snare", "clap", "rimshot", "hats", "open hat", "cymbal", "toms", "cowbell", "shaker", "congas",
    "percussion",
)  # fmt: skip

GROOVES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "four": {
        "kick": ("X...X...X...X...", "X...X...X...X..o", "X...X...X..oX..."),
        "clap": ("....X.......X...", "....X.......X.o."),
        "snare": ("................", "....x.......x...", "...............o"),
        "hats": ("x.x.x.x.x.x.x.x.", "xoxxxoxxxoxxxoxx"),
        "open hat": ("..X...X...X...X.",),
    },
    "deep": {
        "kick": ("X...X...X...X...",),
        "rimshot": ("....x.......x...", "...x...x..x.....", "....x..x....x..."),
        "clap": ("............x...", "................"),
        "hats": ("..x...x...x...x.", "..xo..xo..xo..xo", "..xx..xx..xx..xx"),
        "shaker": ("xoXoxoXoxoXoxoXo", "................"),
    },
    "tech": {
        "kick": ("X...X...X...X...", "X...X...X...X.x.", "X...X...X..xX..."),
        "clap": ("....X.......X...", "....X..x....X..."),
        "hats": ("xxxxxxxxxxxxxxxx", "x.xxx.xxx.xxx.xx", "oxxxoxxxoxxxoxxx"),
        "open hat": ("..X...X...X...X.", "................"),
        "congas": ("..xx..x...xx..x.", "x..x.xx.x..x.xx.", "...x..xx...x..x."),
        "percussion": ("...x......x..x..", ".x....x..x....x.", "......x..x.....x"),
    },
    "trance": {
        "kick": ("X...X...X...X...",),
        "clap": ("....X.......X...",),
        "hats": ("xoxoxoxoxoxoxoxo", "................", "x.x.x.x.x.x.x.x."),
        "open hat": ("..X...X...X...X.",),
        "cymbal": ("................", "X...............", "x.x.x.x.x.x.x.x."),
    },
    "four-hard": {
        "kick": ("X...X...X...X...", "X...X...X...X...", "X..xX...X..xX..."),
        "clap": ("....X.......X...", "............X...", "................"),
        "rimshot": ("...x..x...x..x..", "................", "......x..x.....x"),
        "hats": ("..X...X...X...X.", "xxXxxxXxxxXxxxXx", "..x...x...x...x."),
        "open hat": ("................", "..X...X...X...X."),
    },
    "electro": {
        "kick": ("X.....x...X.....", "X..x..x...x.....", "X.....X...x..x.."),
        "snare": ("....X.......X...",),
        "clap": ("................", "....x.......x..x"),
        "hats": ("x.xxx.x.x.xxx.x.", "xxxxxxxxxxxxxxxx"),
        "open hat": ("......x.........", "..............x."),
        "cowbell": ("..x..x..x..x..x.", "................", "x..x..x...x.x..."),
    },
    "rock": {
        "kick": ("X.......X.......", "X.....x.X.......", "X...X...X...X..."),
        "snare": ("....X.......X...",),
        "hats": ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx"),
        "toms": ("................", "..............xx", "............x.xx"),
    },
    "dnb": {
        "kick": ("X.........X.....", "X.........X..o..", "X.x.......X....."),
        "snare": ("....X.......X...", "....X..-.-..X..-", "....X..-.-..X..."),
        "hats": ("x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo", "x.xxx.x.x.xxx.x."),
        "open hat": ("................", "..............x."),
        "cymbal": ("................", "x.x.x.x.x.x.x.x."),
    },
    "jungle": {
        "kick": ("X.X.......xx....", "X.x.......x.....", "X..x......X.x..."),
        "snare": ("....X..x.x..X..x", "....X..-.x....X.", "....X..x....X.xx", ".-..X..x.x....X-"),
        "hats": ("x.x.x.x.x.x.x.x.", "x.xxx.xxx.xxx.xx"),
        "cymbal": ("................", "x...x...x...x..."),
        "percussion": ("................", "...x.....x....x."),
    },
    "garage": {
        "kick": ("X.....o...X..o..", "X.........x.....", "X..o......X....."),
        "snare": ("....X.......X...", "....X..-....X..-"),
        "hats": ("..x...x...x...x.", "..xo..xx..xo..xx", "o.xx.xx.o.xx.xx."),
        "open hat": ("..x.......x.....", "......x.......x.", "................"),
        "rimshot": (".......x.......x", "...-...x.-.....-", "................"),
        "percussion": ("................", ".x....x..x......"),
    },
    "halftime": {
        "kick": ("X.............x.", "X.....x.........", "X..x......o....."),
        "snare": ("........X.......",),
        "clap": ("........x.......", "................"),
        "hats": ("x.x.x.x.x.x.x.x.", "x...x...x...x...", "xoxxx.xxxoxxx.xr"),
        "percussion": ("................", "...x..x......x..", ".....x.....x...x"),
    },
    "trap": {
        "kick": ("X.....x...x.....", "X..x......x..x..", "X......x..X.....", "X.........x..o.."),
        "snare": ("........X.......",),
        "clap": ("........X.......", "................"),
        "hats": ("x.x.x.x.x.x.r.x.", "x.x.x.xrx.x.x.r.", "xxxxxxxrxxxxxxrx", "x.r.x.x.x.xrx.x."),
        "open hat": ("................", "..............x.", "......x........."),
        "rimshot": ("................", "...x......x..x.."),
    },
    "drill": {
        "kick": ("X.....x.........", "X..x......x.....", "X.........X..x.."),
        "snare": ("......X.......X.", "......X......X..", "........X.....X."),
        "hats": ("x..x..x.x..x..x.", "x..x..r.x..x..xr", "x..x.xx.x..x..r."),
        "rimshot": ("...x......x.....", "................", "....x.....x..x.."),
        "open hat": ("................", "..........x....."),
    },
    "boombap": {
        "kick": ("X......xX.x.....", "X..o...xx.......", "X.x.......x..o..", "X......x.xX....."),
        "snare": ("....X.......X...", "....X..-.-..X...", "....X.......X..-"),
        "hats": ("x.x.x.x.x.x.x.x.", "x.xxx.x.x.xxx.x.", "x.x.xox.x.x.xox."),
        "open hat": ("................", "..............x."),
    },
    "rnb": {
        "kick": ("X.....o...X.....", "X..x......x..o..", "X......xx......."),
        "snare": ("....X.......X...", "........X......."),
        "clap": ("....x.......x...", "................"),
        "rimshot": ("................", "...x......x....."),
        "hats": ("x.x.x.x.x.x.x.x.", "xxxxxxxrxxxxxxxx", "..x...x...x...x."),
    },
    "funk": {
        "kick": ("X..x..X...x..x..", "X.x.......x..x..", "X.....x.x.x.....", "X..x....x.X....."),
        "snare": ("....X..-.-..X..-", "....X-.-.-.-X..-", "....X.-..-.-X-.."),
        "hats": ("xxxxxxxxxxxxxxxx", "x.x.x.x.x.x.x.x.", "x.xxx.xxx.xxx.xx"),
        "open hat": ("................", "......x.........", "..............x."),
    },
    "disco": {
        "kick": ("X...X...X...X...",),
        "snare": ("....X.......X...",),
        "clap": ("....x.......x...", "................"),
        "hats": ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx", "xx.xxx.xxx.xxx.x"),
        "open hat": ("..X...X...X...X.",),
    },
    "amapiano": {
        "kick": ("X...x...X...x...", "X.......X.......", "X.........x....."),
        "snare": ("...x..x....x..x.", "......x.......x.", "...x......x..x.."),
        "clap": ("................", "....x.......x..."),
        "rimshot": ("x..x..x...x.x...", "..x..x....x..x.."),
        "hats": ("..x...x...x...x.", "x.x.x.x.x.x.x.x."),
        "shaker": ("xoXxxoXxxoXxxoXx", "x.Xxx.Xxx.Xxx.Xx"),
    },
    "dembow": {
        "kick": ("X...X...X...X...", "X.......X......."),
        "snare": ("...X..X....X..X.",),
        "rimshot": ("................", "...x..x....x..x."),
        "hats": ("x.x.x.x.x.x.x.x.", "..x...x...x...x."),
        "percussion": ("................", "..........x..x.."),
    },
    "ambient": {
        "kick": ("X...............", "................", "X.........o....."),
        "rimshot": ("................", "............x..."),
        "hats": ("................", "..o...o...o...o.", "o.....o.....o..."),
        "percussion": ("......o......o..", "...o......o....o"),
    },
    "cinematic": {
        "kick": ("X.......X.......", "X...............", "X.....x...x....."),
        "toms": ("x..x..x.x..x..x.", "xxx.xxx.xxx.xx.x", "x.....x.x.....xx"),
        "snare": ("................", "............X...", "....-.--....X.--"),
        "cymbal": ("................", "X..............."),
    },
}  # fmt: skip

EXTRA_LINES: Final[dict[str, tuple[str, ...]]] = {
    "shaker": ("x.X.x.X.x.X.x.X.", "xoXoxoXoxoXoxoXo", "xxXxxxXxxxXxxxXx"),
    "congas": ("..xx..x...xx..x.", "x..x.xx.x..x.xx.", "...x..xx...x..x."),
    "cowbell": ("x...x...x...x...", "..x..x....x..x..", "x..x..x...x.x..."),
    "percussion": ("...x......x..x..", "......x..x......", ".x....x..x....x."),
    "toms": ("..............xx", "x..x..x.x..x..x.", "..........x.x.xx"),
    "cymbal": ("X...............",),
    "rimshot": ("...x..x....x..x.", "...x......x....."),
}

FOUR_FEELS: Final = frozenset({"four", "four-hard", "deep", "tech", "trance", "disco", "amapiano", "dembow"})
HALFTIME_FEELS: Final = frozenset({"halftime", "trap", "drill", "ambient", "cinematic"})

PULSES: Final[dict[tuple[int, int], tuple[tuple[int, ...], ...]]] = {
    (3, 4): ((4, 4, 4),),
    (5, 4): ((4, 4, 4, 4, 4), (6, 6, 4, 4)),
    (6, 8): ((6, 6),),
    (7, 8): ((4, 4, 6), (6, 4, 4)),
}
"""How the bars of other metres fall into pulses, in sixteenths."""

BASS_LINES: Final[dict[str, tuple[str, ...]]] = {
    "offbeat": ("..r_..r_..r_..r_", "..r...r...r...rr", "..r_..o_..r_..o_"),
    "octaves": ("r.o.r.o.r.o.r.o.", "r_o.r_o.r_o.r.of", "r.r.o.r.r.r.o.r."),
    "syncopated": ("r..r..r...r.f...", "r_....r_..o...f.", "r..o..r_.r..r.o.", "r_.r....r_.r..f.",
                   "..r..r..r..r_..."),
    "sustained": ("r_______________", "r_______r_____f_", "r_________r_____"),
    "rolling": (".rrr.rrr.rrr.rrr", "..rr..rr..rr..rr", ".r.r.r.r.r.r.r.r"),
    "acid": ("rrorrfrorrrorfor", "r.rrorr.rfrr.ror", "rr.ror.frr.rorrf"),
    "eighths": ("r.r.r.r.r.r.r.r.", "r_r_r_r_r_r_r_r_", "r.r.r.o.r.r.r.o."),
    "dub": ("r___..r_......f_", "r_____..r__f....", "r__.....o__.r___"),
    "halftime": ("r_______..r_r___", "r___r___r_______", "r_____r_r___r_r_"),
    "glide": ("r_____f_......o_", "r___..r___....3_", "r_______..r_o___", "r_____..3___r___"),
    "walking": ("r___3___f___3___", "r___f___o___f___", "r___3___f___6___"),
    "funk": ("r..r..o..r.f.o..", "rr.o..r...f.6.o.", "r...r.o.rr..f.6.", "r.o...rr.o..6.o."),
    "tresillo": ("r__r__r_r__r__r_", "r_____r_r_____f_"),
    "ostinato": ("r.r.r.r.r.r.r.r.", "r.rrr.rrr.rrr.rr", "r.r.f.r.r.r.3.r."),
    "log": ("r.....r..r.r....", "r..r..o...r..r..", "....r.rr..o..r.r", "r..r...r.r..f.r."),
}  # fmt: skip
"""`r` root, `o` octave, `f` fifth, `3` third, `6` sixth or seventh, `_` hold, `.` rest."""

COMPING: Final[dict[str, tuple[str, ...]]] = {
    "pad": ("x_______________",),
    "stabs": (
        "x..x..x...x.....",
        "..x..x....x..x..",
        "x.....x...x.....",
        "...x......x..x..",
        "x..x..x..x..x...",
    ),
    "sparse-stabs": ("x...............", "......x.........", "...x......x.....", "..........x....."),
    "offbeat": ("..x...x...x...x.", "..x_..x_..x_..x_"),
    "comp": ("x_____x_________", "x_____x___x_____", "x_______..x_____", "x__x______x_____"),
    "strum": ("x___..x_x___..x_", "x_______x_x_____"),
    "gated": ("x.xx.xx.x.xx.xx.", "xx.xxx.xxx.xxx.x", "x.x.x.x.x.x.x.x."),
    "funk-chords": ("..x..xx...x..x..", "x..x..x.x..x..x.", "xx..x.x..x..xx.x", "....x..x....x..x"),
    "tresillo": ("x..x..x.x..x..x.", "x__x__x_x__x__x_"),
    "ostinato": ("x.x.x.x.x.x.x.x.", "x..x..x.x..x..x."),
    "arpeggio": ("x_______________",),
}
