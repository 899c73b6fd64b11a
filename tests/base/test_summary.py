from videomae2.base.summary import Summary

SUMMARY = Summary((("videos", "3 videos\n2 of them named"), ("folder", "runs/x"), ("videos", "1")))


def test_labels_stand_in_a_column_and_further_lines_below_their_text():
    assert str(SUMMARY).splitlines() == [
        "videos   3 videos",
        "         2 of them named",
        "folder   runs/x",
        "videos   1",
    ]


def test_json_has_the_texts_of_each_label():
    assert SUMMARY.to_dict() == {
        "videos": ["3 videos", "2 of them named", "1"],
        "folder": ["runs/x"],
    }


def test_two_summaries_are_read_one_after_the_other():
    assert (Summary((("a", "1"),)) + Summary((("b", "2"),))).rows == (("a", "1"), ("b", "2"))


def test_a_summary_without_rows_is_an_empty_text():
    assert str(Summary(())) == ""
    assert str(Summary(()) + SUMMARY) == str(SUMMARY)


def test_a_long_label_moves_all_texts_to_the_right():
    summary = Summary((("improvement", "+2 points\nof accuracy"), ("report", "x.html")))
    assert str(summary).splitlines() == [
        "improvement +2 points",
        "            of accuracy",
        "report      x.html",
    ]
