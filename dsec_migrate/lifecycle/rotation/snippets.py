"""How a program tries two values of a secret: the new one first, then the former."""

from __future__ import annotations

PYTHON = """\
def connect():
    for name in ("{new}", "{old}"):
        path = os.environ.get(name)
        if path and os.path.exists(path):
            try:
                return database.connect(password=open(path).read())
            except AuthenticationError as error:
                refused = error
    raise refused
"""
NODE = """\
async function connect() {{
  let refused
  for (const name of ["{new}", "{old}"]) {{
    const path = process.env[name]
    if (!path || !fs.existsSync(path)) continue
    try {{ return await database.connect({{ password: fs.readFileSync(path, "utf8") }}) }}
    catch (error) {{ refused = error }}
  }}
  throw refused
}}
"""


def both(old: str, new: str) -> tuple[tuple[str, str], ...]:
    """The language and the text for the variables ``old`` and ``new``, which name files."""
    return (("Python", PYTHON.format(old=old, new=new)), ("Node.js", NODE.format(old=old, new=new)))
