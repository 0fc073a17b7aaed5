"""What a file's columns look like before there is a mapping."""

from pathlib import Path

from producers.describe import describe_csv


def test_columns_are_known_by_the_names_that_real_exports_give_them(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = "".join(f"{n};03/08/2026;{'Đúng hạn' if n % 2 else ''};Nguyễn {n};1\n" for n in range(50))
    path.write_text("MÃ HỒ SƠ;Ngày hẹn trả;Trạng thái;Chủ hồ sơ;khác\n" + rows, "utf-8")
    columns = describe_csv(path)
    assert [(c.name, c.meaning, c.filled) for c in columns] == [
        ("MÃ HỒ SƠ", "subject", 50),
        ("Ngày hẹn trả", "due_at", 50),
        ("Trạng thái", "status", 25),
        ("Chủ hồ sơ", "personal", 50),
        ("khác", "", 50),
    ]
    assert [c.words for c in columns] == [(), ("03/08/2026",), ("Đúng hạn",), (), ("1",)]
