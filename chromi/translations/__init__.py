"""Translations: for each language, the text that people edit and the file that is loaded."""
