"""The value is a token of a known format."""

from __future__ import annotations

from collections.abc import Iterator

from dsec_migrate.detectors.finding import LONG, Candidate, Confidence, Needs, Verdict
from dsec_migrate.detectors.names import meaning
from dsec_migrate.detectors.scanning import scan
from dsec_migrate.text.patterns import Pattern

NAME = "known token"
NEEDS = Needs.LENGTH
IN_TEXT = True
WHY = "a token of a known format"
CONFIDENCE = Confidence.CERTAIN

# every format contains such a run, and digits; most values do not
_LONG_RUN = Pattern(r"[A-Za-z0-9_+=-]{20}")
_DIGIT = Pattern(r"[0-9]")


def _format(why: str, marks: str, source: str) -> tuple[str, tuple[str, ...], Pattern]:
    return why, tuple(marks.split()), Pattern(rf"(?<![A-Za-z0-9_-])(?:{source})(?![A-Za-z0-9])")


# what it is, the texts one of which it holds, and its format as the issuer documents it;
# identifiers and publishable keys are left out
_FORMATS = (
    _format("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{30,251}"),
    _format("a GitHub token", "github_pat_", r"github_pat_[A-Za-z0-9_]{22,244}"),
    _format(
        "a GitLab token",
        "glpat- gldt- glrt- glrtr- glcbt- glptt- glft- glsoat- glimt- glagent- gloas- glffct-",
        r"gl(?:pat|dt|rtr?|cbt|ptt|ft|soat|imt|agent|oas|ffct)-[A-Za-z0-9_.=-]{20,300}",
    ),
    _format("a GitLab token", "GR1348941", r"GR1348941[A-Za-z0-9_-]{20}"),
    _format(
        "a Slack token", "xox xapp-", r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{10,250}"
    ),
    _format(
        "a Stripe key", "k_live_ k_test_ whsec_", r"[sr]k_(?:live|test)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9+/=]{24,90}"
    ),
    _format("a Google key", "AIza", r"AIza[A-Za-z0-9_-]{35}"),
    _format(
        "a Google secret",
        "GOCSPX- ya29. 1//0",
        r"GOCSPX-[A-Za-z0-9_-]{20,40}|ya29\.[A-Za-z0-9_-]{20,400}|1//0[A-Za-z0-9_-]{30,200}",
    ),
    _format("an Anthropic key", "sk-ant-", r"sk-ant-[A-Za-z0-9_-]{20,200}"),
    _format("an OpenRouter key", "sk-or-", r"sk-or-(?:v1-)?[A-Za-z0-9]{20,100}"),
    _format("a Langfuse key", "sk-lf-", r"sk-lf-[0-9a-f-]{20,60}"),
    _format(
        "an OpenAI key, or one of a compatible service",
        "sk-",
        r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,200}|sk-[A-Za-z0-9]{32,64}",
    ),
    _format("a Groq key", "gsk_", r"gsk_[A-Za-z0-9]{40,60}"),
    _format("an xAI key", "xai-", r"xai-[A-Za-z0-9]{60,90}"),
    _format("a Perplexity key", "pplx-", r"pplx-[A-Za-z0-9]{40,60}"),
    _format("a Replicate token", "r8_", r"r8_[A-Za-z0-9]{37,40}"),
    _format("a Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{30,40}"),
    _format("a LangSmith key", "lsv2_", r"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    _format("an npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    _format("a PyPI token", "pypi-AgE", r"pypi-AgE[A-Za-z0-9_-]{50,250}"),
    _format("a RubyGems key", "rubygems_", r"rubygems_[0-9a-f]{48}"),
    _format("a Telegram bot token", ":AA", r"(?:bot)?\d{8,10}:AA[A-Za-z0-9_-]{32,34}"),
    _format("a Discord bot token", ".", r"[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,42}"),
    # a tunnel token is JSON in Base64 that starts with {"a":"
    _format("a Cloudflare token", "eyJhIjoi", r"eyJhIjoi[A-Za-z0-9_=-]{80,400}"),
    _format(
        "a Cloudflare token",
        "v1.0- cfk_ cfut_ cfat_",
        r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}|cf(?:k|ut|at)_[A-Za-z0-9]{40,60}",
    ),
    _format("a SendGrid key", "SG.", r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}"),
    _format("a Mailgun key", "key-", r"key-[0-9a-f]{32}"),
    _format("a Brevo key", "xkeysib- xsmtpsib-", r"x(?:keys|smtps)ib-[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    _format("a Resend key", "re_", r"re_[A-Za-z0-9]{6,12}_[A-Za-z0-9]{20,30}"),
    _format("a DigitalOcean token", "_v1_", r"do[opr]_v1_[0-9a-f]{64}"),
    _format("a Docker Hub token", "dckr_", r"dckr_[po]at_[A-Za-z0-9_-]{20,60}"),
    _format(
        "a HashiCorp token",
        "hvs. hvb. hvr. .atlasv1.",
        r"hv[sbr]\.[A-Za-z0-9_-]{20,300}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,80}",
    ),
    _format("a Tailscale key", "tskey-", r"tskey-[a-z]{2,12}-[A-Za-z0-9_-]{10,80}"),
    _format("a Grafana token", "glsa_ glc_", r"glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8}|glc_[A-Za-z0-9+/=]{32,400}"),
    _format("a Linear key", "lin_", r"lin_(?:api|oauth)_[A-Za-z0-9]{40,64}"),
    _format("a Notion token", "ntn_ secret_", r"ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43}"),
    _format("a Shopify token", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_[0-9A-Fa-f]{32}"),
    _format("a Square token", "sq0", r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}"),
    _format("a PlanetScale token", "pscale_", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,64}"),
    _format("a Doppler token", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    _format("a Postman key", "PMAK-", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    _format("a New Relic key", "NRAK- NRII- NRRA-", r"NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_-]{32}|NRRA-[0-9a-f]{42}"),
    _format("a Databricks token", "dapi", r"dapi[0-9a-f]{32}(?:-\d)?"),
    _format("a Fly.io token", "fm fo1_", r"fm[12][ar]?_[A-Za-z0-9+/=_-]{80,600}|fo1_[A-Za-z0-9_-]{43}"),
    _format("a Heroku key", "HRKU-", r"HRKU-[A-Za-z0-9_-]{36,64}"),
    _format("a Pulumi token", "pul-", r"pul-[0-9a-f]{40}"),
    _format("a Plex claim token", "claim-", r"claim-[A-Za-z0-9_-]{20}"),
    _format("an Atlassian token", "ATATT3 ATBB", r"ATATT3[A-Za-z0-9_=-]{100,250}|ATBB[A-Za-z0-9]{32}"),
    _format("a Figma token", "fig", r"fig[dou]_[A-Za-z0-9_-]{40}"),
    _format("a Sentry token", "sntry", r"sntry[su]_[A-Za-z0-9+/=_-]{32,400}"),
    _format("a Supabase key", "sbp_ sb_secret_", r"sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,60}"),
    _format("a Mapbox token", "sk.eyJ", r"sk\.eyJ[A-Za-z0-9_-]{20,200}\.[A-Za-z0-9_-]{10,60}"),
    _format("a Netlify token", "nf", r"nf[pcoub]_[A-Za-z0-9]{36,60}"),
    _format("an Airtable token", "pat", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    _format("a Buildkite token", "bk", r"bk(?:ua|ct|aj)_[A-Za-z0-9]{30,80}"),
    _format("an Artifactory token", "AKCp cmVmdGtu", r"AKCp[A-Za-z0-9]{60,80}|cmVmdGtu[A-Za-z0-9]{50,60}"),
    _format("a 1Password token", "ops_eyJ A3-", r"ops_eyJ[A-Za-z0-9_=-]{100,2000}|A3-[A-Z0-9]{6}(?:-[A-Z0-9]{5,6}){5}"),
    _format("a Dynatrace token", "dt0", r"dt0[a-z]\d{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    _format("a Contentful token", "CFPAT-", r"CFPAT-[A-Za-z0-9_-]{43}"),
    _format("an ngrok token", "_", r"[123][A-Za-z0-9]{26}_[A-Za-z0-9]{20,24}"),
    _format(
        "a JSON Web Token", ".eyJ", r"eyJ[A-Za-z0-9_-]{10,4000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{20,2000}"
    ),
)

_WEBHOOK = Pattern(
    r"https://(?:hooks\.slack\.com/(?:services|workflows|triggers)(?:/[A-Za-z0-9+_-]{1,80}){2,5}"
    r"|(?:[a-z]{1,12}\.)?discord(?:app)?\.com/api/webhooks/\d{5,25}/[A-Za-z0-9_-]{20,100}"
    r"|[a-z0-9.-]{1,80}\.webhook\.office\.com/webhookb2/[A-Za-z0-9@/_-]{40,250}"
    r"|chat\.googleapis\.com/v1/spaces/[^\s\"']{20,250})"
)
_WEBHOOK_MARKS = ("hooks.slack.com", "/api/webhooks/", "webhook.office.com", "chat.googleapis.com")


def find(text: str) -> list[tuple[int, int]]:
    """The ranges of tokens in ``text``."""
    return [span for span, _ in _matches(text)]


def _matches(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    if any(mark in text for mark in _WEBHOOK_MARKS):
        for match in _WEBHOOK.finditer(text):
            yield match.span(), "a webhook URL, which is itself a credential"
    if len(text) < LONG or _LONG_RUN.search(text) is None or _DIGIT.search(text) is None:
        return
    for why, marks, pattern in _FORMATS:
        for mark in marks:
            if mark in text:
                for match in pattern.finditer(text):
                    yield match.span(), why
                break


def detect(candidate: Candidate) -> Verdict | None:
    """The value is a token of a known format."""
    verdict = scan(candidate, find, CONFIDENCE, WHY, NAME)
    if verdict is None:
        return None
    if meaning(candidate.name).is_public:
        return Verdict(
            Confidence.POSSIBLE, verdict.exposure, "a token, but the name calls it public", NAME, verdict.parts
        )
    texts = (text for text in (candidate.text, candidate.value) if text)
    why = next((why for text in texts for _, why in _matches(text)), verdict.why)
    return Verdict(verdict.confidence, verdict.exposure, why, NAME, verdict.parts)
