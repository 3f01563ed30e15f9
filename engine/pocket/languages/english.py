"""English: what producers type, and which canonical words of the vocabulary it means.

Both sides are plain facts about language: adding a row never changes a trained model.
"""

from __future__ import annotations

from typing import Final

from .language import Role

# fmt: off
SYNONYMS: Final[dict[str, str]] = {
    "808 kick": "kick, 808 kit", "808 snare": "snare, 808 kit", "808 clap": "clap, 808 kit",
    "808 hat": "hats, 808 kit",
    "808 cowbell": "cowbell, 808 kit", "808 bell": "cowbell, 808 kit", "909 kick": "kick, 909 kit",
    "909 snare": "snare, 909 kit",
    "909 clap": "clap, 909 kit", "909 hat": "hats, 909 kit", "undistorted": "clean", "unprocessed": "dry",
    "strumming": "guitar, acoustic",
    "electric guitar": "guitar", "acoustic guitar": "guitar, acoustic", "amen break": "breakbeat, drums",
    "amen": "breakbeat, drums",
    "square bass": "synth bass, hollow", "string bass": "electric bass, acoustic",
    "walking bass": "electric bass, acoustic, jazzy",
    "double time": "fast", "slowed": "slow", "slowed down": "slow", "meditation": "calm, ambient", "muted": "muffled",
    "rumbling": "deep", "rumble": "deep", "evolving": "dynamic", "snaps": "clap", "finger snapping": "clap",
    "sunset": "warm",
    "late night": "chill, dark", "slap": "punchy", "drum pattern": "drums", "kick pattern": "kick",
    "bass drum pattern": "kick",
    "drum part": "drums", "fanfare": "brass, epic", "unplugged": "acoustic", "fm synth": "synth, glassy",
    "folk": "acoustic", "piano chord": "piano, chords",
    # genre
    "hip hop": "boom bap", "hiphop": "boom bap", "boombap": "boom bap", "rap": "boom bap",
    "old school": "boom bap", "90s hip hop": "boom bap",
    "dnb": "drum and bass", "d&b": "drum and bass", "drum n bass": "drum and bass",
    "drum & bass": "drum and bass", "drum 'n' bass": "drum and bass", "drumnbass": "drum and bass",
    "liquid": "drum and bass, smooth", "neurofunk": "drum and bass, aggressive",
    "neuro": "drum and bass, aggressive",
    "chillhop": "lo-fi, chill", "lofi": "lo-fi", "lo fi hip hop": "lo-fi",
    "lofi hip hop": "lo-fi", "lofi beat": "lo-fi, drums", "study beat": "lo-fi, chill",
    "downtempo": "lo-fi, slow",
    "garage": "uk garage", "ukg": "uk garage", "2 step": "uk garage, two step",
    "2step": "uk garage, two step", "speed garage": "uk garage",
    "rnb": "r&b", "r and b": "r&b", "r n b": "r&b", "neo soul": "r&b, soulful", "soul": "r&b, soulful",
    "neosoul": "r&b, soulful",
    "cloud rap": "trap, dreamy",
    "rage": "trap, aggressive", "uk drill": "drill",
    "piano house": "house, piano",
    "dembow": "reggaeton",
    "retrowave": "synthwave", "outrun": "synthwave", "80s": "synthwave, vintage",
    "eighties": "synthwave, vintage",
    "acid house": "house, acid bass", "acid techno": "techno, acid bass",
    "acid": "acid bass", "minimal techno": "techno, sparse", "minimal house": "tech house, sparse",
    "hard techno": "techno, hard", "industrial": "techno, distorted", "dub techno": "techno, delay, stab",
    "electro house": "house, aggressive", "edm": "house, supersaw", "french house": "disco, filter sweep",
    "nu disco": "disco", "boogie": "funk", "g funk": "funk, lead", "electro funk": "electro, funk",
    "psytrance": "trance, rolling", "uplifting trance": "trance, uplifting",
    "breaks": "breakbeat", "breakcore": "jungle, aggressive", "brostep": "dubstep, aggressive",
    "film score": "cinematic", "soundtrack": "cinematic", "score": "cinematic", "filmic": "cinematic",
    "orchestral": "cinematic, strings", "trailer": "cinematic, epic", "soundscape": "ambient, texture",
    "atmospheric": "ambient", "chillout": "ambient, chill",
    # drums
    "beat": "drums", "drum": "drums", "drum beat": "drums", "drum loop": "drums only",
    "groove": "drums, groovy", "drum kit": "drums", "rhythm": "drums",
    "bass drum": "kick", "kick drum": "kick", "kicks": "kick", "snare drum": "snare",
    "handclap": "clap", "hand clap": "clap", "finger snap": "clap", "snap": "clap",
    "rim": "rimshot", "rim shot": "rimshot", "side stick": "rimshot", "sidestick": "rimshot",
    "hat": "hats", "hi hat": "hats", "hihat": "hats", "high hat": "hats", "closed hat": "hats",
    "open hi hat": "open hat", "open hihat": "open hat", "crash": "cymbal", "ride": "cymbal",
    "tom": "toms", "tom tom": "toms", "conga": "congas", "bongo": "congas", "bongos": "congas",
    "maraca": "shaker", "maracas": "shaker", "tambourine": "shaker", "cabasa": "shaker",
    "perc": "percussion", "percs": "percussion", "percussive": "percussion",
    # bass
    "bassline": "bass", "bass line": "bass", "sub": "sub bass", "subbass": "sub bass",
    "808 bass": "808", "808 sub": "808", "tr 808": "808 kit", "808 drums": "808 kit, drums",
    "808 drum": "808 kit, drums", "tr808": "808 kit", "808 beat": "808 kit, drums",
    "909": "909 kit", "tr 909": "909 kit", "tr909": "909 kit", "909 drums": "909 kit, drums",
    "303": "acid bass", "tb 303": "acid bass", "tb303": "acid bass", "303 bass": "acid bass",
    "acid line": "acid bass", "reese": "reese bass", "wobble": "wobble bass",
    "growl": "wobble bass, aggressive", "growl bass": "wobble bass, aggressive", "moog": "synth bass",
    "moog bass": "synth bass", "slap bass": "electric bass", "bass guitar": "electric bass",
    "upright bass": "electric bass, acoustic", "double bass": "electric bass, acoustic",
    "fretless": "electric bass, smooth", "logdrum": "log drum",
    # harmony and melody
    "rhodes": "electric piano", "wurlitzer": "electric piano", "wurli": "electric piano",
    "e piano": "electric piano", "epiano": "electric piano", "ep": "electric piano",
    "fender rhodes": "electric piano", "dx7": "electric piano, glassy", "cp80": "piano, vintage",
    "clavinet": "keys, plucky", "clav": "keys, plucky",
    "keyboard": "keys", "grand piano": "piano", "upright piano": "piano, vintage",
    "synth pad": "pad", "pads": "pad", "synth stab": "stab", "chord stab": "stab, chords",
    "chord": "chords", "harmony": "chords", "chord progression": "chords", "progression": "chords",
    "arp": "arpeggio", "arpeggiated": "arpeggio", "arpeggiator": "arpeggio", "sequence": "arpeggio",
    "sequencer": "arpeggio", "lead synth": "lead, synth", "synth lead": "lead, synth",
    "solo lead": "melody only, lead", "topline": "melody", "top line": "melody", "riff": "melody",
    "tune": "melody", "motif": "melody", "hook": "melody", "melodic": "melody", "bell": "bells",
    "chime": "bells", "music box": "bells, soft", "celesta": "bells, soft",
    "glockenspiel": "bells, bright", "hammond": "organ", "string": "strings",
    "orchestra": "strings, cinematic", "violin": "strings", "cello": "strings, low register",
    "string section": "strings", "horn": "brass", "horns": "brass", "trumpet": "brass",
    "trombone": "brass",
    "nylon guitar": "guitar, acoustic",
    "marimba": "mallets", "vibraphone": "mallets",
    "vibes": "mallets", "xylophone": "mallets", "saw": "supersaw, buzzy", "super saw": "supersaw",
    "hoover": "supersaw, detuned", "synthesizer": "synth", "synths": "synth", "analog": "synth, vintage",
    "analogue": "synth, vintage", "fx": "texture", "atmosphere": "texture", "atmo": "texture",
    "ambience": "texture, ambient", "foley": "texture",
    "hiss": "noise", "white noise": "noise", "vinyl crackle": "vinyl",
    "vinyl noise": "vinyl", "crackle": "vinyl", "record noise": "vinyl", "uplifter": "riser",
    "rise": "riser", "sweep": "filter sweep",
    # mood and timbre
    "moody": "dark", "sinister": "dark, eerie", "evil": "dark, aggressive", "brooding": "dark, tense",
    "gloomy": "dark, melancholic", "sad": "melancholic", "sombre": "melancholic",
    "somber": "melancholic", "emotional": "melancholic", "wistful": "nostalgic",
    "bittersweet": "nostalgic, melancholic", "retro": "nostalgic, vintage",
    "angry": "aggressive", "heavy": "aggressive, fat", "intense": "aggressive, energetic",
    "chilled": "chill", "laid back": "chill", "laidback": "chill", "relaxed": "chill",
    "relaxing": "chill, calm", "mellow": "chill, soft", "lazy": "chill, slow",
    "easy": "chill", "peaceful": "calm", "serene": "calm", "meditative": "calm, ambient",
    "quietly": "quiet", "soothing": "calm, soft", "ethereal": "dreamy, airy",
    "floating": "dreamy, airy", "dreamlike": "dreamy", "spacey": "dreamy, reverb",
    "spacious": "reverb, wide", "euphoric": "uplifting", "joyful": "happy", "cheerful": "happy",
    "fun": "happy", "playful": "happy", "sunny": "happy, bright", "feel good": "happy, groovy",
    "suspense": "tense", "anxious": "tense", "mystery": "mysterious", "spooky": "eerie",
    "scary": "eerie", "haunting": "eerie", "creepy": "eerie", "loving": "romantic",
    "sexy": "romantic", "sensual": "romantic, smooth", "love": "romantic", "heroic": "epic",
    "dramatic": "epic, tense", "triumphant": "epic, uplifting", "powerful": "epic, energetic",
    "driving": "energetic, rolling", "upbeat": "energetic, happy", "hype": "energetic",
    "banging": "energetic, hard", "club": "energetic", "dance": "energetic", "party": "energetic",
    "grimy": "gritty", "dirty": "gritty, distorted", "raw": "gritty", "rough": "gritty",
    "crunchy": "gritty, saturated", "old": "vintage", "oldschool": "vintage",
    "trippy": "hypnotic", "repetitive": "hypnotic", "trancey": "hypnotic", "bouncy": "groovy",
    "funky": "groovy, funk", "jazz": "jazzy", "gospel": "soulful, organ",
    "icy": "cold", "frozen": "cold", "shiny": "bright", "sparkling": "bright, glassy",
    "crystal": "glassy", "shimmering": "bright, airy", "cosy": "warm", "cozy": "warm",
    "round": "warm, soft", "thick": "fat", "big": "fat", "huge": "fat, epic", "boomy": "deep, fat",
    "tight": "punchy, dry", "snappy": "punchy", "gentle": "soft", "silky": "smooth",
    "harsh": "hard, distorted", "fuzzy": "distorted", "overdriven": "distorted", "fuzz": "distorted",
    "plucked": "plucky, pluck", "out of tune": "detuned", "pure": "clean", "breathy": "airy",
    "squelchy": "resonant, acid bass", "squelch": "resonant, acid bass",
    "filtered": "muffled", "underwater": "muffled", "dull": "muffled", "sizzling": "crisp",
    "stereo": "wide", "mono": "narrow", "rich": "lush", "long": "sustained", "held": "sustained",
    "legato": "sustained, smooth", "short": "staccato", "choppy": "staccato", "organic": "acoustic",
    "sample": "sampled", "real": "acoustic",
    "punch": "punchy", "warmth": "warm", "grit": "gritty", "dust": "dusty", "depth": "deep", "width": "wide",
    "air": "airy",
    "energy": "energetic", "bounce": "groovy", "tension": "tense", "hope": "hopeful", "romance": "romantic",
    "aggression": "aggressive", "sparkle": "bright, glassy", "shine": "bright", "melancholy": "melancholic",
    "euphoria": "uplifting", "joy": "happy", "anger": "aggressive", "gloom": "dark, melancholic", "dirt": "gritty",
    "crunch": "gritty, saturated", "clarity": "clean, crisp", "peace": "calm", "detuning": "detuned", "dream": "dreamy",
    "dynamics": "dynamic", "wobbly": "detuned", "hypnosis": "hypnotic", "sorrow": "melancholic",
    # effects
    "reverberant": "reverb", "wet": "reverb", "hall": "reverb", "room": "reverb", "plate": "reverb",
    "echo": "delay", "echoes": "delay", "dub": "delay", "ducking": "sidechain", "ducked": "sidechain",
    "pumping": "sidechain", "pump": "sidechain", "side chain": "sidechain", "sidechained": "sidechain",
    "filter": "filter sweep", "bitcrushed": "bit crushed", "bitcrush": "bit crushed",
    "bit crusher": "bit crushed", "8 bit": "bit crushed", "8bit": "bit crushed",
    "saturation": "saturated", "distortion": "distorted",
    "overdrive": "distorted", "cassette": "tape", "wow": "tape", "flutter": "tape", "warbly": "tape",
    "tape wobble": "tape", "pitch wobble": "vibrato",
    "vinyl wobble": "vinyl, tape", "wobbly tape": "tape",
    "portamento": "glide", "slide": "glide", "sliding": "glide", "gliding": "glide",
    # layers, density, rhythm
    "full": "full mix", "full band": "full mix", "full loop": "full mix", "everything": "full mix",
    "drumless": "no drums", "beatless": "no drums", "no beat": "no drums", "bassless": "no bass",
    "just drums": "drums only", "only drums": "drums only", "just bass": "bass only",
    "only bass": "bass only", "bass solo": "bass only", "just chords": "chords only",
    "only chords": "chords only", "just melody": "melody only", "only melody": "melody only",
    "drum solo": "drums only", "solo drums": "drums only", "solo bass": "bass only",
    "solo melody": "melody only", "drums and bass": "drums and bass only",
    "a cappella": "no drums", "without drums": "no drums", "no drum": "no drums",
    "without beat": "no drums", "minimal": "sparse", "simple": "sparse", "stripped": "sparse",
    "stripped back": "sparse", "empty": "sparse", "dense": "busy", "complex": "busy",
    "full of": "busy", "layered": "full mix", "static": "steady", "constant": "steady",
    "crescendo": "build", "building": "build", "build up": "build", "buildup": "build",
    "fade in": "build", "decrescendo": "fade out", "diminuendo": "fade out", "fading": "fade out",
    "fade": "fade out", "swelling": "swell", "break down": "breakdown", "break": "breakbeat",
    "drop": "energetic, loud", "silent": "quiet", "soft volume": "quiet", "drum fill": "fill, drums",
    "4 on the floor": "four on the floor", "four to the floor": "four on the floor",
    "4 to the floor": "four on the floor", "4x4": "four on the floor", "four four": "four on the floor",
    "half time": "halftime", "broken beat": "breakbeat", "off beat": "offbeat", "on 2 and 4": "backbeat",
    "on the 2 and 4": "backbeat",
    "on two and four": "backbeat", "on the two and four": "backbeat",
    "syncopation": "syncopated", "syncopate": "syncopated", "galloping": "rolling",
    "hi hat rolls": "hat rolls", "hihat rolls": "hat rolls", "rolls": "hat rolls",
    "triplet": "triplets", "shuffle": "swing", "shuffled": "swing", "swung": "swing",
    "swinging": "swing", "swingy": "swing", "quantized": "straight", "quantised": "straight",
    "odd time": "odd meter", "odd metre": "odd meter", "3 4": "waltz", "5 4": "odd meter", "7 8": "odd meter",
    "three four": "waltz",
    "midtempo": "mid-tempo", "medium tempo": "mid-tempo", "quick": "fast", "rapid": "fast",
    "uptempo": "fast", "up tempo": "fast", "ghost note": "ghost notes",
    "mixolydian": "modal, major", "dorian": "modal, minor", "phrygian": "modal, minor",
    "lydian": "modal, major", "minor key": "minor", "major key": "major", "7ths": "sevenths",
    "seventh": "sevenths", "seventh chords": "sevenths", "ninths": "sevenths, jazzy",
    "fifths": "power chords", "power chord": "power chords", "low": "low register",
    "high": "high register", "high pitched": "high register",
    "808s": "808", "electronic": "electronic kit, synth", "electronic drums": "electronic kit, drums",
    "acoustic drums": "acoustic kit, drums", "live drums": "acoustic kit, drums",
    "real drums": "acoustic kit, drums", "glitchy": "glitch kit", "glitch": "glitch kit",
    "dusty drums": "lo-fi kit, dusty, drums", "lofi drums": "lo-fi kit, drums", "lofi kit": "lo-fi kit",
}
# fmt: on

SUBSTITUTES: Final[dict[str, str]] = {
    # voices
    "vocal": "choir",
    "vocals": "choir",
    "voice": "choir",
    "voices": "choir",
    "vox": "choir",
    "aah": "choir",
    "vocal chop": "choir, staccato",
    "singing": "choir",
    "singer": "choir",
    "rapper": "choir",
    "acapella": "choir, no drums",
    # what sounds outside
    "rain": "noise, texture",
    "field recording": "texture, noise",
    "ocean": "noise, texture",
    "wind": "noise, texture",
    "waves": "noise, texture",
    "birds": "texture",
    "thunder": "texture, noise",
    # instruments
    "koto": "guitar, plucky",
    "ukulele": "guitar, acoustic",
    "banjo": "guitar, plucky",
    "mandolin": "guitar, plucky",
    "sitar": "guitar, plucky",
    "kalimba": "mallets",
    "hang drum": "mallets, metallic",
    "handpan": "mallets, metallic",
    "steel drum": "mallets, metallic",
    "steelpan": "mallets, metallic",
    "harp": "pluck, acoustic",
    "saxophone": "brass",
    "sax": "brass",
    "clarinet": "brass, soft",
    "accordion": "organ",
    "harmonica": "organ, thin",
    "taiko": "toms",
    "taiko drum": "toms, drums",
    "timpani": "toms, deep",
    "tabla": "congas",
    "djembe": "congas",
    "vocoder": "choir, synth",
    "brush": "drums, soft",
    "brushes": "drums, soft",
    "beatbox": "drums",
    # genres
    "afrobeat": "amapiano",
    "afrobeats": "amapiano",
    "afro": "amapiano",
    "afro house": "amapiano",
    "gqom": "amapiano, dark",
    "african": "amapiano",
    "latin": "reggaeton",
    "moombahton": "reggaeton",
    "dancehall": "reggaeton",
    "phonk": "trap, dark, cowbell",
    "trip hop": "lo-fi, dark",
    "grime": "drill, aggressive",
    "future bass": "trap, supersaw",
    "vaporwave": "synthwave, dreamy, slow",
    "chiptune": "bit crushed, synth",
    "ballad": "slow, calm",
    "idm": "glitch kit",
    "tribal": "percussion, hypnotic",
    "rave": "breakbeat, energetic",
    "future garage": "uk garage",
    "baile funk": "funk, syncopated",
    "gabber": "techno, hard, distorted, fast",
    "hardstyle": "techno, hard, fast",
    "noir": "dark, jazzy",
    "sleepy": "calm, soft",
    "festival": "house, energetic",
    "big room": "house, supersaw, energetic",
    "jersey club": "house, energetic, syncopated",
    "baltimore club": "house, energetic, syncopated",
    "acid jazz": "funk, jazzy",
    "bebop": "jazzy, fast",
    "big beat": "breakbeat, distorted, drums",
    "italo disco": "disco, synth, vintage",
    "eurodance": "trance, energetic",
    "future funk": "disco, funk",
    "happy hardcore": "techno, happy, fast",
    "hardcore": "techno, hard, distorted, fast",
    "schranz": "techno, hard, fast",
    "synth pop": "synthwave",
    "synthpop": "synthwave",
    "dark wave": "synthwave, dark",
    "darkwave": "synthwave, dark",
    "cold wave": "synthwave, cold",
    "coldwave": "synthwave, cold",
    "chill wave": "synthwave, chill",
    "chillwave": "synthwave, chill",
    "minimal wave": "synthwave, sparse",
    "new wave": "synthwave, vintage",
    "dream pop": "dreamy, reverb",
}
"""What `pocket` cannot make, and the nearest that it can: each is said by name."""

ROLES: Final = {
    Role.NOT: (
        "not, don't, do not, doesn't, does not, shouldn't, should not, mustn't, must not, can't, cannot, "
        "non, never, isn't, aren't, nowhere near, far from"
    ),
    Role.NO: (
        "no, zero, minus, nothing, instead of, rather than, don't use, do not use, don't add, do not add, "
        "don't want, don't like, i don't like, do not like, can't stand, under no circumstances, "
        "in no case, by no means, "
        "do not want, i don't want, i do not want, avoid, don't play, no more, not a, not any, not with"
    ),
    Role.WITHOUT: (
        "hate, i hate, exclude, omit, delete, scrap, strip, strip out, strip away, no need for, forget, "
        "skip, lose, mute, remove, ditch, turn off, take out, drop the, cut the, kill "
        "the, get rid of, "
        "stay away from, anything but, without, without the, neither, except, except for, everything but, "
        "everything except, all but, "
        "excluding, w o, "
        "lacking, other than, free of, leave out, apart from, leaving out, not using"
    ),
    Role.LESS: "less, fewer, reduced, hardly, hardly any, barely, barely any",
    Role.ONLY: (
        "only, just, nothing but, solely, exclusively, purely, nothing except, nothing other than, merely, "
        "nothing else than, "
        "nothing more than, pure"
    ),
    Role.AFTER_NOT: (
        "free, off, none, excluded, removed, omitted, gone, unwanted, not wanted, are not wanted, "
        "not included, turned off, muted out, forbidden, banned, not allowed, is forbidden, "
        "are forbidden"
    ),
    Role.AFTER_ONLY: (
        "alone, by itself, on its own, and nothing else, nothing else, nothing more, and nothing more, "
        "that's it, that's all, and that's it, and that's all, by themselves, unaccompanied"
    ),
    Role.TOO: "too, so, overly, any, very, particularly, even, much",
    Role.IGNORED: (
        "not only, not just, just vibes, good vibes, vibes only, chill vibes only, no tempo, no key, not sure, "
        "no idea, no matter, no problem, no worries, why not, not bad, nothing special, nothing fancy, no nonsense, "
        "no frills, don't care, don't know, don't mind, no limits, no rules, not quite, no pressure"
    ),
    Role.AND: "and, &, +, plus",
    Role.OR: "or, nor",
    Role.BUT: "but, yet, however, with",
}

_IGNORED: Final = """
    a an the and or with of in on at to for by from some any very really quite bit little more
    please make me my i want need give create generate loop loops sound sounds sounding music
    musical track song style styled type vibe vibes feel feeling kind like that this is are it
    its as into over under plus & up just bar bars good great nice cool beautiful lovely but
    while key tempo bpm beats per minute using use made featuring feat ft lots lot
    producer ready time signature tone tones
    i'm am be there should would could do does don't you your we our definitely absolutely certainly keep best
    instrumental off at all yes instead add put mix these those
    gimme gonna wanna smth sth pls plz thx asf af kinda sorta ish esque around about roughly approx approximately circa
    ca heavily mood what after whatsoever leave between bring also as well think maybe
    rate s t re ll has have get let lets while where when who pattern patterns part parts piece pieces line lines
"""
IGNORED: Final[frozenset[str]] = frozenset(_IGNORED.split())
"""Words that carry no sound; they are neither matched nor reported."""

PLURALS_KEPT: Final[frozenset[str]] = frozenset({"bass", "brass", "vibes", "waves"})
"""Words that end in s and are not plurals."""

STRANGERS: Final[frozenset[str]] = frozenset({"metal", "metals", "rock", "classical", "pop", "indie", "salsa", "samba"})
"""English words for music that the vocabulary lacks: no form of another language's word is meant by them."""
