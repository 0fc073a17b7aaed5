"""What the writer reads of a topic: whole batches, up to where the topic ends."""

from contextlib import closing

from kafka import KafkaProducer

from eventlog.config import KafkaConfig
from eventlog.topics import ensure_topics
from sinks.feed import Feed


def test_a_batch_holds_what_came_while_the_one_before_was_written(kafka: KafkaConfig) -> None:
    ensure_topics(kafka, 1_800_000_000_000, 4)
    with closing(Feed(kafka, kafka.events, dict.fromkeys(range(4), 0))) as feed:
        with closing(KafkaProducer(**kafka.client(), acks="all")) as producer:
            assert len(feed.take(1 << 20, 10_000)) == 4  # the log's identity
            assert feed.take(1 << 20, 20) == []  # its fetch is on the way: the first record alone answers it
            for n in range(5):
                producer.send(kafka.events, b"record %d" % n, partition=0).get(30)
        assert [r.offset for r in feed.take(1 << 20, 10_000)] == [1, 2, 3, 4, 5]
