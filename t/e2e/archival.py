"""PDF/A-2b as far as a writer can get it wrong: no validator is in Debian."""

import base64
import json
import subprocess


def archival(pdf):
    """What ISO 19005-2 asks of level B and the file lacks, by qpdf's view of its objects."""
    out = subprocess.run(["qpdf", "--json=2", "--json-stream-data=inline", pdf],
                         stdout=subprocess.PIPE, timeout=60, check=False).stdout
    objects = {key: o.get("value", o.get("stream")) for key, o in json.loads(out)["qpdf"][1].items()}
    dicts = [o.get("dict", o) for o in objects.values() if isinstance(o, dict)]
    trailer = objects["trailer"]
    catalog = objects["obj:" + trailer["/Root"]]
    intent = catalog.get("/OutputIntents", [{}])[0]
    profile = objects.get("obj:" + intent.get("/DestOutputProfile", ""), {})
    wrong = []
    if intent.get("/S") != "/GTS_PDFA1" or profile.get("dict", {}).get("/N") != 3:
        wrong.append("no output intent")
    if len(trailer.get("/ID", [])) != 2 or "/Encrypt" in trailer:
        wrong.append("no ID, or encrypted")
    xmp = objects.get("obj:" + catalog.get("/Metadata", ""), {"dict": {}, "data": ""})
    if "/Filter" in xmp["dict"]:
        wrong.append("packed metadata")
    text = base64.b64decode(xmp["data"]).decode()
    if "<pdfaid:part>2<" not in text or "<pdfaid:conformance>B<" not in text or "<dc:title>" not in text:
        wrong.append("metadata does not say so")
    wrong += [d for d in dicts if d.get("/Subtype") == "/Link" and d.get("/F") != 4]
    wrong += [d for d in dicts if "/S" in d and d["/S"] in ("/JavaScript", "/Launch", "/Transparency")]
    wrong += [d for d in dicts if d.get("/Type") == "/FontDescriptor" and "/FontFile2" not in d]
    wrong += [d for d in dicts if d.get("/Subtype") == "/CIDFontType2" and d.get("/CIDToGIDMap") != "/Identity"]
    wrong += [d for d in dicts if "/SMask" in d or "/LZWDecode" in str(d.get("/Filter"))]
    return wrong
