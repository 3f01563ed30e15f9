"""The studio page: draw, hear and keep loops in a browser on this computer.

`app` has the routes, `guard` refuses whoever is not this computer's own page, `hub` talks to the engine, `talk` to one
tab, `cards` describes takes in numbers, `uploads` keeps dropped files, `server` runs it all. Torch is never loaded.
"""
