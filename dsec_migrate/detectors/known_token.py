"""The value is a token of a known format."""

from __future__ import annotations

import re

from dsec_migrate.detectors.names import meaning
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.finding import Candidate, Confidence, Verdict

NAME = "known token"

# formats as their issuers document them; identifiers and publishable keys are left out
_FORMATS: tuple[tuple[str, str], ...] = (
    ("a GitHub token", r"gh[pousr]_[A-Za-z0-9]{30,251}|github_pat_[A-Za-z0-9_]{22,244}"),
    (
        "a GitLab token",
        r"(?:glpat|gldt|glrt|glrtr|glcbt|glptt|glft|glsoat|glimt|glagent|gloas|glffct)-[A-Za-z0-9_.=-]{20,300}"
        r"|GR1348941[A-Za-z0-9_-]{20}",
    ),
    ("a Slack token", r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{10,250}"),
    ("a Stripe key", r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9+/=]{24,90}"),
    (
        "a Google key",
        r"AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{20,40}|ya29\.[A-Za-z0-9_-]{20,400}|1//0[A-Za-z0-9_-]{30,200}",
    ),
    ("an Anthropic key", r"sk-ant-[A-Za-z0-9_-]{20,200}"),
    ("an OpenRouter key", r"sk-or-(?:v1-)?[A-Za-z0-9]{20,100}"),
    ("a Langfuse key", r"sk-lf-[0-9a-f-]{20,60}"),
    (
        "an OpenAI key, or one of a service like it",
        r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,200}|sk-[A-Za-z0-9]{32,64}",
    ),
    ("a Groq key", r"gsk_[A-Za-z0-9]{40,60}"),
    ("an xAI key", r"xai-[A-Za-z0-9]{60,90}"),
    ("a Perplexity key", r"pplx-[A-Za-z0-9]{40,60}"),
    ("a Replicate token", r"r8_[A-Za-z0-9]{37,40}"),
    ("a Hugging Face token", r"hf_[A-Za-z0-9]{30,40}|api_org_[A-Za-z]{34}"),
    ("a LangSmith key", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    ("an npm token", r"npm_[A-Za-z0-9]{36}"),
    ("a PyPI token", r"pypi-AgE[A-Za-z0-9_-]{50,250}"),
    ("a RubyGems key", r"rubygems_[0-9a-f]{48}"),
    ("a Telegram bot token", r"\d{8,10}:AA[A-Za-z0-9_-]{32,34}"),
    ("a Discord bot token", r"[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,42}"),
    # a tunnel token is JSON in Base64 that starts with {"a":"
    ("a Cloudflare token", r"eyJhIjoi[A-Za-z0-9_=-]{80,400}|v1\.0-[0-9a-f]{24}-[0-9a-f]{146}|cf(?:k|ut|at)_[A-Za-z0-9]{40,60}"),
    ("a SendGrid key", r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}"),
    ("a Mailgun key", r"key-[0-9a-f]{32}"),
    ("a Brevo key", r"x(?:keys|smtps)ib-[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    ("a Resend key", r"re_[A-Za-z0-9]{6,12}_[A-Za-z0-9]{20,30}"),
    ("a DigitalOcean token", r"do[opr]_v1_[0-9a-f]{64}"),
    ("a Docker Hub token", r"dckr_[po]at_[A-Za-z0-9_-]{20,60}"),
    ("a HashiCorp token", r"hv[sbr]\.[A-Za-z0-9_-]{20,300}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,80}"),
    ("a Tailscale key", r"tskey-[a-z]{2,12}-[A-Za-z0-9_-]{10,80}"),
    ("a Grafana token", r"glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}|glc_[A-Za-z0-9+/=]{32,400}"),
    ("a Linear key", r"lin_(?:api|oauth)_[A-Za-z0-9]{40,64}"),
    ("a Notion token", r"ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43}"),
    ("a Shopify token", r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}"),
    ("a Square token", r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}"),
    ("a PlanetScale token", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}"),
    ("a Doppler token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    ("a Postman key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    ("a New Relic key", r"NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_-]{32}|NRRA-[0-9a-f]{42}"),
    ("a Databricks token", r"dapi[0-9a-f]{32}(?:-\d)?"),
    ("a Fly.io token", r"fm[12][ar]?_[A-Za-z0-9+/=_-]{80,600}|fo1_[A-Za-z0-9_-]{43}"),
    ("a Heroku key", r"HRKU-[A-Za-z0-9_-]{36,64}"),
    ("a Pulumi token", r"pul-[0-9a-f]{40}"),
    ("a Plex claim token", r"claim-[A-Za-z0-9_-]{20}"),
    ("an Atlassian token", r"ATATT3[A-Za-z0-9_=-]{100,250}|ATBB[A-Za-z0-9]{32}"),
    ("a Figma token", r"fig[dou]_[A-Za-z0-9_-]{40}"),
    ("a Sentry token", r"sntry[su]_[A-Za-z0-9+/=_-]{32,400}"),
    ("a Supabase key", r"sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,60}"),
    ("a Mapbox token", r"sk\.eyJ[A-Za-z0-9_-]{20,200}\.[A-Za-z0-9_-]{10,60}"),
    ("a Netlify token", r"nf[pcoub]_[A-Za-z0-9]{36,60}"),
    ("an Airtable token", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    ("a Buildkite token", r"bk(?:ua|ct|aj)_[A-Za-z0-9]{30,80}"),
    ("an Artifactory token", r"AKCp[A-Za-z0-9]{60,80}|cmVmdGtu[A-Za-z0-9]{50,60}"),
    ("a 1Password token", r"ops_eyJ[A-Za-z0-9_=-]{100,2000}|A3-[A-Z0-9]{6}(?:-[A-Z0-9]{5,6}){5}"),
    ("a Dynatrace token", r"dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("a Contentful token", r"CFPAT-[A-Za-z0-9_-]{43}"),
    ("an ngrok token", r"[123][A-Za-z0-9]{26}_[A-Za-z0-9]{20,24}"),
    ("a JSON Web Token", r"eyJ[A-Za-z0-9_-]{10,4000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{20,2000}"),
    (
        "a webhook URL, which is its own password",
        r"https://(?:hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/+_-]{20,120}"
        r"|(?:[a-z]{1,12}\.)?discord(?:app)?\.com/api/webhooks/\d{5,25}/[A-Za-z0-9_-]{20,100}"
        r"|[a-z0-9.-]{1,80}\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/_-]{40,250}"
        r"|chat\.googleapis\.com/v1/spaces/[^\s\"']{20,250})",
    ),
)
_TOKEN = re.compile(rf"(?<![A-Za-z0-9_-])(?:{'|'.join(f'({pattern})' for _, pattern in _FORMATS)})(?![A-Za-z0-9])")
# every format holds such a run; most values do not
_LONG_RUN = re.compile(r"[A-Za-z0-9_+=-]{20}")


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of tokens in ``text``."""
    if len(text) < 20 or _LONG_RUN.search(text) is None:
        return []
    return [match.span() for match in _TOKEN.finditer(text)]


def detect(candidate: Candidate) -> Verdict | None:
    """The value is a token of a known format."""
    verdict = scan(candidate, find, Confidence.CERTAIN, "a token of a known format", NAME)
    if verdict is None:
        return None
    if meaning(candidate.name).is_public:
        return Verdict(Confidence.POSSIBLE, verdict.exposure, "a token, but the name calls it public", NAME, verdict.parts)
    return Verdict(verdict.confidence, verdict.exposure, _whose(candidate), NAME, verdict.parts)


def _whose(candidate: Candidate) -> str:
    for text in (candidate.text, candidate.value):
        match = _TOKEN.search(text) if text else None
        if match and match.lastindex:
            return _FORMATS[match.lastindex - 1][0]
    return "a token of a known format"
