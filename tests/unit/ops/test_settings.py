"""Rules of settings: who wins, what is refused, what is kept from the first start."""

from pathlib import Path

import pytest

from domain.errors import InvalidInput, Refused
from ops.settings import DEFAULT_PORT, load, record


def write(data: Path, text: str) -> None:
    data.mkdir(parents=True, exist_ok=True)
    (data / "settings.toml").write_text(text, encoding="utf-8")


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = load({}, tmp_path)
    assert (settings.clock, settings.port, settings.root) == ("wall", DEFAULT_PORT, "H44")
    assert settings.time_zone == "Asia/Ho_Chi_Minh"
    assert not settings.port_given


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    write(tmp_path, 'port = 1001\nhost = "127.0.0.3"\nclock = "log"\n')
    environ = {"GS766_PORT": "1002", "GS766_HOST": "127.0.0.2"}
    settings = load(environ, tmp_path, port=1003)
    assert (settings.port, settings.host, settings.clock) == (1003, "127.0.0.2", "log")
    assert settings.port_given


def test_an_option_that_was_not_given_does_not_hide_the_file(tmp_path: Path) -> None:
    write(tmp_path, "port = 1001\n")
    assert load({}, tmp_path, port=None).port == 1001


def test_the_data_folder_comes_from_the_option_then_the_environment_then_the_default(tmp_path: Path) -> None:
    environ = {"GS766_DATA": str(tmp_path / "environment")}
    assert load(environ, tmp_path / "option").data == tmp_path / "option"
    assert load(environ).data == tmp_path / "environment"
    assert load({}, default_data="demo-data").data == Path.cwd() / "demo-data"


def test_sections_of_the_file_are_read_and_overridden_by_name(tmp_path: Path) -> None:
    write(tmp_path, '[kafka]\nbootstrap = "a:1"\n[clickhouse]\nhost = "b"\nport = 9440\nsecure = true\n')
    settings = load({"GS766_KAFKA_BOOTSTRAP": "c:2", "GS766_CLICKHOUSE_SECURE": "false"}, tmp_path)
    assert settings.kafka.bootstrap == "c:2"
    assert (settings.clickhouse.host, settings.clickhouse.port, settings.clickhouse.secure) == ("b", 9440, False)


def test_an_unknown_setting_is_named_with_the_known_ones(tmp_path: Path) -> None:
    write(tmp_path, 'prot = 1\n[kafka]\nboostrap = "a"\n')
    with pytest.raises(InvalidInput, match=r"prot, kafka\.boostrap; known: .*port"):
        load({}, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        'port = "many"\n',
        "port = true\n",
        "clock = 3\n",
        'clock = "soon"\n',
        "partitions = 0\n",
        "port = 70000\n",
        "=\n",
    ],
)
def test_an_unusable_value_is_refused(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    with pytest.raises(InvalidInput):
        load({}, tmp_path)


def test_an_unknown_time_zone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="time zone"):
        load({}, tmp_path, time_zone="Asia/Nowhere")


def test_what_the_log_is_built_upon_is_recorded_once_and_keeps_what_stood_there(tmp_path: Path) -> None:
    write(tmp_path, '# ours\nroot = "H44.1"\n[kafka]\nprefix = "x"\n')
    record(load({}, tmp_path, time_zone="Asia/Bangkok"))
    record(load({}, tmp_path))
    settings = load({}, tmp_path)
    assert (settings.time_zone, settings.root, settings.kafka.prefix) == ("Asia/Bangkok", "H44.1", "x")
    text = (tmp_path / "settings.toml").read_text()
    assert "# ours" in text
    assert text.count("time_zone") == 1


def test_another_time_zone_later_is_refused_and_says_that_a_rebuild_is_needed(tmp_path: Path) -> None:
    record(load({}, tmp_path))
    with pytest.raises(Refused, match="rebuild"):
        load({}, tmp_path, time_zone="Asia/Tokyo")
    with pytest.raises(Refused, match="rebuild"):
        load({"GS766_ROOT": "H12"}, tmp_path)
    assert load({}, tmp_path, time_zone="Asia/Ho_Chi_Minh").time_zone == "Asia/Ho_Chi_Minh"


def test_another_process_reads_the_same_settings_from_the_environment(tmp_path: Path) -> None:
    settings = load({}, tmp_path, port=1234, clock="2026-08-31", root="H12", demo=True)
    again = load(settings.to_environment())
    assert again == settings


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    environ = {"GS766_CLICKHOUSE_WRITER_PASSWORD": "hush", "GS766_KAFKA_SASL_PASSWORD": "hush"}
    settings = load({**environ, "GS766_API_KEY": "hush"}, tmp_path)
    assert settings.kafka.sasl_password == settings.clickhouse.writer_password == settings.api_key == "hush"
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings.to_environment())
