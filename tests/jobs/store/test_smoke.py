from jobs.model import NewBatch, NewJob, Outcome
from jobs.states import JobState
from jobs.store import batches, dispatch, ingest, results, running
from jobs.store.store import Store


def test_a_job_goes_from_line_to_result(store: Store) -> None:
    new = NewBatch(
        name="n",
        run_key="k",
        source="s",
        output="o",
        into="response",
        options={},
        model="m",
        pool="mlx",
    )
    jobs = [
        NewJob(
            line=i,
            custom_id=f"row-{i}",
            kind="row",
            row="{}",
            body="{}",
            hash="h",
            model="m",
            pool="mlx",
        )
        for i in range(1, 11)
    ]
    with store.write(durable=True) as c:
        batch = batches.create(c, "b-1", new)
        print(ingest.add(c, "b-1", 1, jobs))
        print(batches.finish_ingest(c, "b-1", "hash"))
    with store.write() as c:
        hints = dispatch.dispatch(c, "mlx", 4)
    with store.write() as c:
        claimed = running.claim(c, "s1", "h1", hints, 60)
        assert len(claimed) == 4
        again = running.claim(c, "s1", "h1", hints, 60)
        assert [a.job_id for a in again] == [a.job_id for a in claimed]
    print(claimed)
    with store.write() as c:
        beat = running.heartbeat(c, "s1", hints, 60)
        print(beat)
    with store.write(durable=True) as c:
        outs = [
            Outcome(
                job_id=j.job_id,
                batch_id=j.batch_id,
                run=j.run,
                epoch=j.epoch,
                attempt=j.attempt,
                session="s1",
                host="h1",
                pool="mlx",
                model="m",
                state=JobState.SUCCEEDED,
                started_at=j.started_at,
                text="hi",
                finish_reason="length",
                output_tokens=3,
            )
            for j in claimed
        ]
        assert running.record(c, outs) == {j.job_id for j in claimed}
        assert running.record(c, outs) == set()
    with store.read() as c:
        print(batches.counts(c, "b-1"))
        print(results.page(c, "b-1", 0, 3))
        print(batches.failures(c, "b-1"), batches.who_ran(c, "b-1"))
        print(dispatch.live_pools(c, 5), dispatch.claim_delay_p99(c))
    with store.write() as c:
        print(dispatch.dispatch(c, "mlx", 100))
        print(
            dispatch.put_back_unclaimed(c, "mlx", 100),
            dispatch.recall_dispatched(c, "mlx"),
            dispatch.reap_expired(c),
            dispatch.release_session(c, "s1"),
            dispatch.fold(c),
            dispatch.finalize(c),
        )
        print(batches.counts(c, "b-1"))
        batches.reopen_ingest(c, "b-1")
        print(ingest.add(c, "b-1", 2, jobs[3:]))
        print(batches.finish_ingest(c, "b-1", "h2"))
        print(batches.counts(c, "b-1"))
        print(batches.cancel(c, "b-1"), batches.resume(c, "b-1"), batches.retry_failed(c, "b-1"))
        print(batches.counts(c, "b-1"))
        batches.delete(c, "b-1")
        print(batches.newest(c, 3))
