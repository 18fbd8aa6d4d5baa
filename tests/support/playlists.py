"""Make playlists, which must never make ffmpeg open another file or an address."""


def make_playlists(path: object, url: str) -> dict[str, bytes]:
    """Return playlists in every text format that ffmpeg reads. Each refers to `path` and to `url`."""
    smil = f"""<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><head><meta base="{url}"/></head>
        <body><switch><video src="{path}" system-bitrate="1"/><video src="{url}"/></switch></body></smil>"""
    dash = f"""<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"
        mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="video/mp4">
        <Representation id="1" bandwidth="1"><BaseURL>{path}</BaseURL></Representation>
        <Representation id="2" bandwidth="1"><BaseURL>{url}</BaseURL></Representation>
        </AdaptationSet></Period></MPD>"""
    texts = {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile '{path}'\nfile '{url}'\n",
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\na=control:{url}\nm=video 5004 RTP/AVP 96\n",
        "dash": dash,
        "smil": smil,
    }
    return {name: text.encode() for name, text in texts.items()}


PLAYLIST_FORMATS = tuple(make_playlists("", ""))
DISGUISES = {"mov": b"\0\0\0\x08ftyp", "matroska": b"\x1a\x45\xdf\xa3\n", "gif": b"GIF89a\n"}
"""File signatures. A playlist that begins with one passes the check of the first bytes."""
