"""How parts sound: voices, drums, textures, effects and the mix."""
