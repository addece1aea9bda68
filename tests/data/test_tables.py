"""Numbers of lines are those of the file, whatever stands between its rows."""

from __future__ import annotations

import pytest

from regard.data.tables import Header, numbers_by_name, read_table, rows_of_lines

LINES = ["", "y,name,x", " ", '2,"a', 'b",1', "", "4,c,3"]


def test_rows_know_the_line_that_they_begin_on(tmp_path):
    (tmp_path / "a.csv").write_text("\n".join(LINES))
    ended = [f"{line}\n" for line in LINES]
    for rows in (rows_of_lines(ended, ("name", "x"), "rows"), read_table(tmp_path / "a.csv", ("name", "x"))):
        assert [(row.line, row) for row in rows] == [(4, ("a\nb", "1")), (7, ("c", "3"))]
    (tmp_path / "b.tsv").write_text('\n\na\t"\n\nb\t2\n')
    rows = read_table(tmp_path / "b.tsv", ("name", "x"), Header.OPTIONAL)
    assert [(row.line, row) for row in rows] == [(3, ("a", '"')), (5, ("b", "2"))]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["name,x", "", "a,1", "", "b"], r"^rows:5 has 1 column\(s\), expected at least 2"),
        (["name,x", "", "a,one"], "^rows:3, row 1 has 'one' where a number is expected"),
        (["name,x", "a,1", "", "b,1", "", "a,2"], "^rows:6, row 3 goes back to instance 'a'"),
        (["", "name,y", "a,1"], "^rows:2 has no column 'x'; expected name, x"),
        (["name,x", "a,1", '"b,2', "c,3"], r"^rows:3 begins a row that cannot be read \(unexpected end of data\)"),
        ([], "^rows:1 has no column 'name'"),
    ],
)
def test_the_line_of_the_file_is_named(lines, message):
    with pytest.raises(ValueError, match=message):
        numbers_by_name(rows_of_lines(lines, ("name", "x"), "rows"), "rows")
    assert numbers_by_name([("a", "1", "2.5"), ("b", "3", "-4")], "rows") == {"a": [[1, 2.5]], "b": [[3, -4]]}
