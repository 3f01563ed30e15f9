"""The Max for Live device: from the track to the clip slot.

`Ditto Live.amxd` is made from what lies here and is committed as `ditto-live build-device` makes it:

    code           what the device does, as readable JavaScript for Max's `v8` and `v8ui`
    addresses.json the OSC table, made from `bridge/osc/addresses.py`
    parameters     every control with its Long Name, range and info text
    face           where each control sits, 169 pixels high
    patcher        objects and cords, built with py2max
    container      the `.amxd` file around the patcher
    checks         what a device must meet before it is written
    face_picture   the face as a PNG, at the moments and in the themes of face_themes
    install        the copy into Live's User Library

Nothing here is imported by the engine, and nothing here imports the bridge.
"""
