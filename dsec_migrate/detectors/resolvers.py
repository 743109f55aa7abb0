"""Placeholders for a value: another tool inserts the value, or decrypts it, before or after Compose.

Such a text must stay where that tool reads it: no tool renders, resolves or decrypts the file of a secret. Random
passwords may also contain braces and percent signs: a text counts only if it is nothing else, if its syntax is too
specific for chance (``{{ name }}``, ``<%= name %>``), or if it is a whole component (``user:#{name}@``).
"""

from __future__ import annotations

from functools import lru_cache

from dsec_migrate.text.patterns import Pattern

TEMPLATE = "a template engine fills this in, but not in the file of a secret"
ENCRYPTED = "it is encrypted: the tool that decrypts it does not read the file of a secret"
STORED = "it refers to an entry in a secret manager: the tool that resolves it does not read the file of a secret"
PROGRAM = "it is a reference that the program itself resolves"

# letters of one case, as in names
_NAME = r"(?:[A-Z][A-Z0-9]*(?:[_.-]+[A-Z0-9]+)*|[a-z][a-z0-9]*(?:[_.-]+[a-z0-9]+)*|[A-Za-z][a-z]+(?:[A-Z][a-z]+)+)"
# where one lower-case word may be a password between two delimiters
_LONG_NAME = r"(?:[A-Z]{2,}(?:[_.-]+[A-Z0-9]+)*|[a-z]+(?:[_.-]+[a-z0-9]+)+|[A-Za-z][a-z]+(?:[A-Z][a-z]+)+)"
# a name after a scheme or in brackets: a path, a variable, a field
_ENTRY = r"[\w./:@#%*+=~,'\"$ -]{1,400}"
# Jinja, Helm, Go templates, Handlebars, CloudFormation's {{resolve:…}}, GitHub's ${{ … }}; Jinja's statements; ERB,
# EJS; PHP; Template Toolkit
_EXPRESSION = (
    r"\$?\{\{\{?[-~]?\s*[\w.$'\"|()\[\],/:~+=!<>?* -]{0,200}[A-Za-z_]{2}[\w.$'\"|()\[\],/:~+=!<>?* -]{0,200}\}?\}\}"
    r"|\{\{[-~]?\s+\.?[A-Za-z_]\w*\s+[-~]?\}\}"
    r"|\{%[-+]?\s*[A-Za-z_]\w+\b.{0,500}?%\}|<%[=-]?\s*[\w@$].{0,500}?%>|<\?(?:=|php\s).{1,500}?\?>"
    r"|\[%[-+]?\s+[A-Za-z_]\w.{0,500}?%\]"
)
# a sign and a name in braces (Octopus, Ruby, Robot Framework, Hiera, Logstash); Symfony; Azure and others; tokens
# of all kinds; cmd.exe; confd; Azure Pipelines
_TOKEN = (
    rf"#\{{\s*[A-Za-z_][\w.:/ \[\]-]*\}}|#\{{{_NAME}\}}#|@@{_NAME}@@|__{_NAME}__|%%?{_NAME}%%?|"
    rf"\[\[\s*\$?[.]?[A-Za-z_][\w.]*\s*\]\]|%\{{[A-Za-z_][\w.:()' -]*\}}|[@~&]\{{{_NAME}\}}|\$\({_NAME}\)|"
    rf"%env\([A-Za-z_][\w:.-]*\)%|<<\s*{_LONG_NAME}\s*>>|(?P<sign>\#\#?|&&?)(?:{_LONG_NAME})(?P=sign)|"
    # Caddy and others: whatever is in the environment, in a file or in a store
    rf"\{{\$[A-Za-z_]\w*(?::[^{{}}\s]*)?\}}|\{{(?:env|file|vault|secrets?|ssm|kms|keyring)[.:]{_ENTRY}\}}"
)
# Concourse and BOSH; spruce
_IN_PARENTHESES = r"\(\(\s*(?:[a-z]+\s+)?!?[A-Za-z_][\w./:-]*\s*\)\)"
# tags of YAML that were quoted: Home Assistant and ESPHome, Conjur, GitLab, CloudFormation
_TAGGED = (
    r"(?i:!(?:secret|var|env|env_var|vault|reference|ref|sub|getatt|importvalue|include_file))"
    r"\s+[\w./:@#%*+=~,'\"${} -]{1,400}"
)
# code that looks up a value by name
_LOOKED_UP = (
    r"(?i:(?:[\w.]{1,40}\.)?(?:get_?)?(?:env|secret|secret_?value|vault|ssm|lookup|file))\(\s*[\"'][^\"'()]{1,200}[\"']\s*\)"
    r"|process\.env\.[A-Z_]\w*|(?:[A-Z]{2,}_)+(?:SECRETS?|PARAM(?:ETER)?S?|KMS|VAULT)\[[^\[\]\s]{1,200}\]"
)
_WHOLE_TEMPLATE = Pattern(
    rf"(?:{_EXPRESSION}|{_TOKEN}|{_IN_PARENTHESES}|{_TAGGED}|{_LOOKED_UP}|@(?:[A-Z][A-Z0-9_]+|[a-z]+(?:[._-][a-z]+)+)@)\Z",
    16,
)
_TEMPLATE_WITHIN = Pattern(rf"{_EXPRESSION}|(?:(?<=[\s:/=,;\"'&?])|(?<![\s\S]))(?:{_TOKEN})(?=[\s:/@=,;\"'&?]|\Z)", 16)
# SOPS and Hiera; Jasypt; dotenvx; Spring Cloud Config; Ansible; HashiCorp's transit; ejson; WebSphere, Liberty and
# WebLogic; CAS; Jetty; Mule; NiFi; values encrypted by a cloud key service; Maven and Jenkins; age and PGP
_ENCRYPTED = Pattern(
    r"(?:ENC\[.*\]|ENC\(.+\)|encrypted:[A-Za-z0-9+/=_-]{8,}|\{cipher\}.+|\$ANSIBLE_VAULT;.*|vault:v\d+:.+|EJ\[\d+:.+\]"
    r"|\{(?:xor|aes|aes-?(?:128|256)|AES|AES-?(?:128|256)|3DES|des|cas-cipher)\}.+|(?:OBF|CRYPT):[0-9a-zA-Z]{8,}"
    r"|!\[[A-Za-z0-9+/=]{8,}\]|enc\{[^{}]{8,}\}|(?:(?:aws|gcp|azure)?-?kms:(?://)?|KMS\[).+"
    r"|\{(?=[A-Za-z0-9+/]{0,200}\d)(?=[a-z0-9+/]{0,200}[A-Z])[A-Za-z0-9+/]{22,400}={1,2}\}"
    r"|-----BEGIN (?:AGE ENCRYPTED FILE|PGP MESSAGE)-----.*)\Z",
    16,
)
_STORES = (
    "op://",
    "vault:",
    "bao:",
    "ref+",
    "secret://",
    "secretref:",
    "secretref+",
    "se://",
    "sm://",
    "ssm:/",
    "ssm://",
    "awssecret:",
    "gsm:",
    "akv:",
    "azkv:",
    "keyvault:",
    "hashivault:",
    "secretsmanager:",
    "secretmanager:",
    "parameterstore:",
    "dso://",
    "dsofile://",
    "doppler:",
    "infisical:",
    "bw://",
    "bws:",
    "bitwarden:",
    "1password:",
    "onepassword:",
    "keeper://",
    "lastpass://",
    "passbolt://",
    "gopass:",
    "chamber:",
    "conjur:",
    "keyring:",
    "keepass:",
    "k8s:secret/",
    "kubernetes:secret/",
    "cyberark:",
    "lpass:",
)
# a cloud and its store, Amazon's names of both, and Azure's references
_STORE_OF_A_CLOUD = Pattern(
    r"(?:aws|gcp|google|azure|hashicorp|hcp|oci|ibm)[-_:.]?(?:secrets?[-_]?manager|secrets|parameter[-_]?store|ps|ssm|sm|kv|"
    r"key[-_]?vault|vault):|arn:aws(?:-[a-z-]{1,16})?:(?:secretsmanager|ssm):|@microsoft\.(?:keyvault|appconfiguration)\(",
    2,
)
# pass and gopass name an entry by its folders; Google its whole path
_STORE = Pattern(r"pass:(?://)?[\w.@-]+(?:/[\w.@-]+)+\Z|projects/[^/\s]{1,80}/secrets/")
# Compose passes an escaped `${X}` to the container: Spring and others insert a property, envsubst and shells a
# variable, the Serverless Framework the result of `${file(…)}`
_PROPERTY = (
    r"\$\{[A-Za-z_][\w.-]*(?::[^{}]{0,512}|\([^{}]{1,400}\)[^{}]{0,100})?\}|\$env:[A-Za-z_]\w*"
    r"|\$(?:[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{2,}|[a-z]+(?:_[a-z0-9]+)+)(?!\w)"
)
_OF_THE_PROGRAM = Pattern(rf"(?:{_PROPERTY})\Z")
# `postgres://app:$PASSWORD@db`: a text with blanks is a command or a sentence, which may mean anything
_PROPERTY_WITHIN = Pattern(rf"(?<=[:/=,;&?])(?:{_PROPERTY})(?=[:/@=,;&?]|\Z)")
_DEFAULT = Pattern(r"(?:default|d)\(\s*(?P<quote>[\"'])(?P<value>[^\"']+)(?P=quote)")
# formats that write the value to a file instead
_ENDINGS = frozenset(
    {".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".template", ".erb", ".ctmpl", ".gotmpl", ".ejs", ".mustache", ".hbs"}
)
# statements alone in a comment, as in templates that remain valid YAML
_STATEMENT = Pattern(
    r"(?m)^[ \t]*#[ \t]*(?:\{%[-+]?[ \t]*[a-z]{2,}\b[^\r\n]{0,500}%\}|<%-?[ \t]*(?![=#%])[^\r\n]{1,500}%>"
    r"|\{\{-?[ \t]*(?:if|else|end|range|with)\b[^\r\n]{0,500}\}\})[ \t]*\r?$"
)
_SOPS = Pattern(r"(?m)^(?:export )?sops_(?:mac|version)=")


@lru_cache(maxsize=4096)
def resolver_of(value: str) -> str | None:
    """Why ``value``, as a whole, is a placeholder; None if it is a value."""
    text = _unquoted(value)
    if len(text) < 4:
        return None
    if _WHOLE_TEMPLATE.match(text):
        return TEMPLATE
    if _ENCRYPTED.match(text):
        return ENCRYPTED
    if text[:24].lower().startswith(_STORES) or _STORE.match(text) or _STORE_OF_A_CLOUD.match(text):
        return STORED
    return PROGRAM if _OF_THE_PROGRAM.match(text) else None


@lru_cache(maxsize=4096)
def resolver_within(value: str) -> str | None:
    """As :func:`resolver_of`, also if only a part of ``value`` is a placeholder."""
    whole = resolver_of(value)
    if whole is not None:
        return whole
    if _TEMPLATE_WITHIN.search(value):
        return TEMPLATE
    has_property = "$" in value and not any(map(str.isspace, value)) and _PROPERTY_WITHIN.search(value)
    return PROGRAM if has_property else None


def default_of(value: str) -> tuple[int, int] | None:
    """The position of a template's default, which is a value: ``{{ password | default('x') }}``."""
    found = _DEFAULT.search(value) if "{{" in value else None
    return None if found is None else found.span("value")


def is_template_file(name: str) -> bool:
    """Whether the file that Compose reads is rendered from the file ``name``."""
    return any(name.lower().endswith(ending) for ending in _ENDINGS)


def statement_in(text: str) -> int | None:
    """The position of a template statement that decides which lines the file has, such as ``# {% if … %}``."""
    found = _STATEMENT.search(text) if "%" in text or "{{" in text else None
    return None if found is None else found.start()


def is_encrypted_file(text: str) -> bool:
    """Whether SOPS signs the env file as a whole: an edit would break it."""
    return "sops_" in text and _SOPS.search(text) is not None


def _unquoted(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
