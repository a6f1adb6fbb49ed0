"""What `run` and `submit` are asked in common: inputs, where answers go, how they are made."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

from nightmill.cli import options

if TYPE_CHECKING:
    from nightmill.request import Request


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options as they were given; each field is a parameter of the command line."""

    sources: options.Inputs
    output: options.Output = None
    prompt: options.Prompt = None
    prompt_file: options.PromptFile = None
    system: options.System = None
    system_file: options.SystemFile = None
    messages_file: options.MessagesFile = None
    schema: options.Schema = None
    choices: options.Choices = None
    endpoint: options.AskedOf = None
    model: options.Model = None
    max_tokens: options.MaxTokens = None
    temperature: options.Temperature = None
    top_p: options.TopP = None
    seed: options.Seed = None
    stop: options.Stop = None
    into: options.Into = "response"
    form: options.Format = None
    input_format: options.InputForm = None
    encoding: options.Encoding = None
    limit: options.Limit = None
    sample: options.Sample = None
    dry_run: options.DryRun = False
    name: options.Name = None
    priority: options.Priority = None
    max_running: options.MaxRunning = None
    deadline: options.Deadline = None
    max_failures: options.MaxFailures = None
    notify: options.Notify = False
    fresh: options.Fresh = False
    force: options.Force = False
    json: options.Json = False
    config: options.Config = None

    def request(self) -> "Request":
        """What is to be done; raises `UsageError` for a value that cannot be used."""
        from nightmill.deadline import deadline_at
        from nightmill.request import Request
        from producer.flag_files import read_schema, read_text, read_turns
        from producer.overrides import Overrides
        from producer.part import Part

        return Request(
            sources=tuple(self.sources),
            input_format=self.input_format,
            encoding=self.encoding,
            part=Part(limit=self.limit, sample=self.sample, seed=self.seed or 0),
            output=self.output,
            overrides=Overrides(
                model=self.model,
                prompt=read_text("--prompt", self.prompt, self.prompt_file),
                system=read_text("--system", self.system, self.system_file),
                turns=read_turns(self.messages_file),
                schema=read_schema(self.schema, self.choices),
                endpoint=self.endpoint,
                max_tokens=self.max_tokens,
                temperature=self.temperature,
                top_p=self.top_p,
                seed=self.seed,
                stop=tuple(self.stop) if self.stop else None,
            ),
            into=self.into,
            kind=self.form,
            name=self.name,
            priority=self.priority,
            max_running=self.max_running,
            deadline=None if self.deadline is None else deadline_at(self.deadline),
            max_failures=self.max_failures,
            notify=self.notify,
            is_fresh=self.fresh,
            is_forced=self.force,
        )


def asks(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, whose first parameter is `Asked`, the options of that and then its own."""
    own = list(inspect.signature(command).parameters.values())[1:]
    asked = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=field.type,
            default=_default(field.default),
        )
        for field in fields(Asked)
    ]

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        mine = {parameter.name: given.pop(parameter.name) for parameter in own}
        command(Asked(**given), **mine)

    # What Typer makes the options from.
    with_options.__signature__ = inspect.Signature([*asked, *own])  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in [*asked, *own]}
    return with_options


def _default(value: Any) -> Any:
    return inspect.Parameter.empty if value is MISSING else value
