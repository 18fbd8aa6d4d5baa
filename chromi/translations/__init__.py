"""What Chromi says in other languages: for each the text that people edit, and the file that is read."""
