"""`nightmill submit`."""

from nightmill.cli import options


def submit(
    source: options.Input,
    *,
    output: options.Output = None,
    prompt: options.Prompt = None,
    system: options.System = None,
    model: options.Model = None,
    max_tokens: options.MaxTokens = None,
    temperature: options.Temperature = None,
    top_p: options.TopP = None,
    seed: options.Seed = None,
    stop: options.Stop = None,
    into: options.Into = "response",
    form: options.Format = None,
    name: options.Name = None,
    priority: options.Priority = 0,
    fresh: options.Fresh = False,
    force: options.Force = False,
    json: options.Json = False,
    config: options.Config = None,
) -> None:
    """Bring a file into the store and print the id of its batch; `nightmill wait` runs it.

    Example: nightmill submit examples/tickets.jsonl -o labels.jsonl
    """
    from nightmill.cli.submitting import submit_request
    from nightmill.request import Request
    from producer.overrides import Overrides

    overrides = Overrides(
        model=model,
        prompt=prompt,
        system=system,
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        stop=tuple(stop) if stop else None,
    )
    request = Request(
        source=source,
        output=output,
        overrides=overrides,
        into=into,
        kind=form,
        name=name,
        priority=priority,
        is_fresh=fresh,
        is_forced=force,
    )
    submit_request(request, config, json=json)
