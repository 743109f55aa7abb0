"""What goes with the new texts of a project where the options ask for it: folders in place of secrets, texts for who
starts anew, a layer that fetches the values, a copy for Swarm. Each has a module and a proof of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dsec_migrate.compose.discovery.nearby import Reader
from dsec_migrate.compose.project import Project
from dsec_migrate.config.options import Mount, Options
from dsec_migrate.planning.changes import Plan
from dsec_migrate.planning.naming import style_of
from dsec_migrate.planning.secret_files import Disk
from dsec_migrate.text.source import Rewritten


def with_companions(
    plans: Sequence[tuple[Project, Plan]],
    rewritten: Sequence[Rewritten],
    options: Options,
    disk: Disk,
    readers: Callable[[str], Iterable[Reader]],
) -> tuple[Plan, Sequence[Rewritten]]:
    """The plan of a whole family, whose root is the last, and its new texts. ``readers`` asks for other projects that
    read a file, by its real path. Raises UserError where a project cannot be written so."""
    *included, (root, plan) = plans
    if options.mount is Mount.VOLUME:
        from dsec_migrate.rewrite import volumes

        directory = style_of(root.secrets, options.secrets_dir).directory
        proved = list(rewritten)
        plan, rewritten = volumes.apply(root, plan, proved, directory, disk)
        if rewritten != proved:
            # who reads the file was asked about secrets, and may mount others where the folder is
            volumes.check_readers(root, readers(root.source.real_path))
    if options.templates:
        from dsec_migrate.planning.starting import templates_of

        plan += templates_of((*included, (root, plan)), options.mount, disk)
    if options.manager is not None:
        from dsec_migrate.rewrite import overlay

        plan += overlay.plan(root, rewritten, options, disk)
    if options.stack_output is not None:
        from dsec_migrate.rewrite import stack_file

        plan += stack_file.plan(root, rewritten, options.stack_output, disk, plan.findings)
    return sum((one for _, one in included), Plan()) + plan, rewritten


def needs_folder(options: Options) -> bool:
    """Whether the folder of the secrets is used even where no secret moves."""
    return bool(
        options.templates
        or options.manager
        or options.stack_output
        or options.mount is Mount.VOLUME
        or options.skip_because
    )
