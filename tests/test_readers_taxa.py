"""Tables of microbes with taxa as rows: QIIME, BIOM, MetaPhlAn, SILVA; worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from cohort_factory import write_text
from hypothesis import given, settings
from hypothesis import strategies as st

from phenotyper.cohort.container import block_frame, warnings_of
from phenotyper.cohort.read import check_cohort, read_cohort
from phenotyper.cohort.readers import RawTable, Source, read_table
from phenotyper.cohort.readers.lineages import cut, depth_of, lineage_of, short_names
from phenotyper.errors import CohortError

FIRMICUTES = "k__Bacteria; p__Firmicutes; c__Clostridia; o__Clostridiales"
BACTEROIDES = (
    "k__Bacteria; p__Bacteroidetes; c__Bacteroidia; o__Bacteroidales; f__Bacteroidaceae; g__Bacteroides"
)
BIOM = "\n".join(
    [
        "# Constructed from biom file",
        "#OTU ID\tS1\tS2\ttaxonomy",
        f"4479944\t10.0\t0.0\t{FIRMICUTES}; f__Lachnospiraceae; g__Clostridium; s__",
        f"007\t5.0\t1.0\t{FIRMICUTES}; f__Clostridiaceae; g__Clostridium; s__",
        f"3\t2.0\t2.0\t{FIRMICUTES}; f__Lachnospiraceae; g__; s__",
        f"4\t1.0\t7.0\t{BACTEROIDES}; s__fragilis",
        f"5\t3.0\t0.0\t{BACTEROIDES}; s__",
        "6\t0.0\t4.0\tUnassigned",
        "",
    ]
)
METAPHLAN = "\n".join(
    [
        "#mpa_vJan21_CHOCOPhlAnSGB_202103",
        "#/usr/local/bin/metaphlan s1.fastq",
        "clade_name\tNCBI_tax_id\tS1\tS2",
        "UNCLASSIFIED\t-1\t10.0\t0.0",
        "k__Bacteria\t2\t90.0\t100.0",
        "k__Bacteria|p__Firmicutes\t2|1239\t60.0\t30.0",
        "k__Bacteria|p__Bacteroidota\t2|976\t30.0\t70.0",
        "k__Bacteria|p__Firmicutes|c__Clostridia\t2|1239|186801\t40.0\t30.0",
        "k__Bacteria|p__Firmicutes|c__Bacilli\t2|1239|91061\t20.0\t0.0",
        "k__Bacteria|p__Bacteroidota|c__Bacteroidia\t2|976|200643\t30.0\t70.0",
        "",
    ]
)


def read(path: Path, text: str, **options: Any) -> RawTable:
    write_text(path, text)
    return read_table(Source(path.name, path, format="taxa", options=options, text_columns=frozenset()))


def refused(path: Path, text: str, **options: Any) -> Any:
    with pytest.raises(CohortError) as caught:
        read(path, text, **options)
    assert path.name in str(caught.value)
    return caught.value.problems[0]


def rows_of(table: RawTable) -> dict[str, list[float]]:
    assert table.ids is not None
    assert table.ids.tolist() == ["S1", "S2"]
    return {str(name): table.frame.iloc[:, place].tolist() for place, name in enumerate(table.frame.columns)}


@pytest.mark.parametrize("name", ["a.tsv", "a.txt.gz"])
def test_a_biom_table_gives_its_features_by_their_names_and_lineages(tmp_path: Path, name: str):
    table = read(tmp_path / name, BIOM)
    assert rows_of(table) == {
        "4479944": [10.0, 0.0], "007": [5.0, 1.0], "3": [2.0, 2.0], "4": [1.0, 7.0], "5": [3.0, 0.0],
        "6": [0.0, 4.0],
    }  # fmt: skip
    assert table.features["4"] == {"kind": "counts", "label": f"{BACTEROIDES}; s__fragilis"}
    assert table.rows.tolist() == [2, 3]


def test_counts_are_summed_to_a_rank_and_names_say_what_is_not_known(tmp_path: Path):
    table = read(tmp_path / "a.tsv", BIOM, rank="genus")
    assert rows_of(table) == {
        "Clostridium (Lachnospiraceae)": [10.0, 0.0],
        "Clostridium (Clostridiaceae)": [5.0, 1.0],
        "unclassified Lachnospiraceae": [2.0, 2.0],
        "Bacteroides": [4.0, 7.0],
        "unclassified": [0.0, 4.0],
    }
    assert table.features["Bacteroides"] == {
        "kind": "counts",
        "label": "Bacteria; Bacteroidetes; Bacteroidia; Bacteroidales; Bacteroidaceae; Bacteroides",
    }
    assert rows_of(read(tmp_path / "a.tsv", BIOM, rank="species"))["Bacteroides fragilis"] == [1.0, 7.0]
    assert rows_of(read(tmp_path / "a.tsv", BIOM, rank="kingdom")) == {
        "Bacteria": [21.0, 10.0],
        "unclassified": [0.0, 4.0],
    }


def test_ranks_that_hold_one_another_are_refused_without_a_rank(tmp_path: Path):
    problem = refused(tmp_path / "a.tsv", METAPHLAN)
    assert problem.code == "TAXA_RANK"
    assert "domain, phylum, class" in problem.message
    assert 'rank = "phylum"' in problem.remedy


def test_the_rows_of_a_rank_are_taken_where_all_ranks_are_rows(tmp_path: Path):
    table = read(tmp_path / "a.tsv", METAPHLAN, rank="class")
    assert rows_of(table) == {
        "unclassified": [10.0, 0.0],
        "Clostridia": [40.0, 30.0],
        "Bacilli": [20.0, 0.0],
        "Bacteroidia": [30.0, 70.0],
    }
    assert table.features["Bacilli"] == {"kind": "composition", "label": "Bacteria; Firmicutes; Bacilli"}
    (aside,) = table.problems
    assert (aside.code, "NCBI_tax_id" in aside.message) == ("ANNOTATION", True)


def test_strains_below_a_species_do_not_count_twice(tmp_path: Path):
    species = "k__B|p__F|c__C|o__O|f__L|g__G|s__G_one"
    text = f"#clade_name\tS1\tS2\n{species}\t60\t100\n{species}|t__SGB1\t40\t100\n{species}|t__SGB2\t20\t0\n"
    assert refused(tmp_path / "a.tsv", text).code == "TAXA_RANK"
    assert rows_of(read(tmp_path / "a.tsv", text, rank="species")) == {"G_one": [60.0, 100.0]}


def test_a_short_lineage_beside_longer_ones_is_a_row_of_its_own(tmp_path: Path):
    text = "taxon,S1,S2\nd__B; p__F; c__C,1,9\nd__B; p__F; c__D,7,2\nd__B; p__F,3,1\n"
    table = read(tmp_path / "a.csv", text)
    assert rows_of(table) == {"C": [1.0, 9.0], "D": [7.0, 2.0], "F": [3.0, 1.0]}
    assert rows_of(read(tmp_path / "a.csv", text, rank="class"))["unclassified F"] == [3.0, 1.0]
    assert rows_of(read(tmp_path / "a.csv", text, rank="phylum")) == {"F": [11.0, 12.0]}


@pytest.mark.parametrize(
    ("rank", "said", "remedy"),
    [("species", "no rows that reach the species", "domain, phylum, class"), ("genus", "genus", "class")],
)
def test_a_rank_that_is_not_there_is_refused(tmp_path: Path, rank: str, said: str, remedy: str):
    problem = refused(tmp_path / "a.tsv", METAPHLAN, rank=rank)
    assert problem.code == "TAXA_RANK"
    assert said in problem.message
    assert remedy in problem.remedy


def test_a_rank_needs_lineages(tmp_path: Path):
    problem = refused(tmp_path / "a.csv", "asv,S1,S2\nASV1,1,2\nASV2,3,4\n", rank="genus")
    assert problem.code == "TAXA_RANK"
    assert "no lineages" in problem.message


def test_a_sample_of_another_sum_is_told(tmp_path: Path):
    text = "taxon,S1,S2,S3\ng__A,0.5,0.25,0.2\ng__B,0.5,0.75,0.3\n"
    table = read(tmp_path / "a.csv", text)
    (problem,) = table.problems
    assert (problem.code, problem.severity) == ("TAXA_SUM", "warning")
    assert "column 4 sums to 0.5" in problem.message
    assert table.features["A"]["kind"] == "composition"


def test_cells_that_cannot_be_summed_are_refused_with_their_rows(tmp_path: Path):
    text = "# a comment\ntaxon,S1,S2\ng__A,1,2\ng__A,<5,2\ng__B,,2\n"
    problem = refused(tmp_path / "a.csv", text, rank="genus")
    assert (problem.code, problem.rows) == ("COERCE", (4,))
    problem = refused(tmp_path / "a.csv", text.replace("<5", "5"), rank="genus")
    assert (problem.code, problem.rows) == ("TAXA_EMPTY", (5,))


def test_a_file_that_is_no_text_is_told_by_its_reader(tmp_path: Path):
    (tmp_path / "a.tsv.gz").write_bytes(b"\x1f\x8b\x08\x00rubbish")
    with pytest.raises(CohortError) as caught:
        read_table(Source("a.tsv.gz", tmp_path / "a.tsv.gz", format="taxa"))
    assert caught.value.codes == ("FILE_DAMAGED",)
    (tmp_path / "a.csv").write_bytes("taxon,S1\nB\xe4,1\n".encode("latin-1"))
    with pytest.raises(CohortError) as caught:
        read_table(Source("a.csv", tmp_path / "a.csv", format="taxa"))
    assert caught.value.codes == ("ENCODING",)


def test_a_table_without_samples_is_refused(tmp_path: Path):
    assert refused(tmp_path / "a.tsv", "#OTU ID\ttaxonomy\nx\tk__B\ny\tk__C\n").code == "TAXA_SAMPLES"


def test_excel_parquet_and_a_dataframe_give_the_same(tmp_path: Path):
    frame = pd.DataFrame({"taxon": ["g__A", "g__B"], "S1": [1, 3], "S2": [2, 5]})
    frame.to_excel(tmp_path / "a.xlsx", index=False)
    frame.set_index("taxon").to_parquet(tmp_path / "a.parquet")
    for name in ("a.xlsx", "a.parquet"):
        table = read_table(Source(name, tmp_path / name, format="taxa", text_columns=frozenset()))
        assert rows_of(table) == {"A": [1.0, 2.0], "B": [3.0, 5.0]}
    for given_frame in (frame, frame.set_index("taxon")):
        table = read_table(Source("memory", table=given_frame, format="taxa", text_columns=frozenset()))
        assert rows_of(table) == {"A": [1.0, 2.0], "B": [3.0, 5.0]}


def test_a_block_of_taxa_is_declared_with_its_rank(tmp_path: Path):
    write_text(tmp_path / "gut.tsv", BIOM)
    toml = '[blocks.gut]\nfile = "gut.tsv"\nformat = "taxa"\nrank = "genus"\nkind = "counts"\n'
    (tmp_path / "cohort.toml").write_text(toml, encoding="utf-8")
    cohort = read_cohort(tmp_path, quiet=True)
    assert block_frame(cohort, "gut").loc["S2", "Bacteroides"] == 7.0
    assert cohort["gut"].var.loc["Bacteroides", "label"].startswith("Bacteria; Bacteroidetes")
    assert "COERCE" not in {problem.code for problem in warnings_of(cohort)}
    wrong = toml.replace("genus", "genuss")
    (tmp_path / "cohort.toml").write_text(wrong, encoding="utf-8")
    (problem,) = check_cohort(tmp_path).errors
    assert problem.code == "DECLARATION"
    assert 'Did you mean "genus"?' in problem.remedy


def test_a_declared_kind_wins_and_numbers_that_contradict_it_are_told(tmp_path: Path):
    shares = np.random.default_rng(1).dirichlet(np.ones(4), 40).round(4).T
    frame = pd.DataFrame(
        shares, columns=[f"S{place}" for place in range(40)], index=["g__A", "g__B", "g__C", "g__D"]
    )
    frame.to_csv(tmp_path / "gut.csv", index_label="taxon")
    block = {"file": tmp_path / "gut.csv", "format": "taxa", "kind": "counts"}
    report = check_cohort({"blocks": {"gut": block}})
    assert any("declared as counts but hold fractions" in problem.message for problem in report.warnings)
    mixed = read_cohort({"blocks": {"gut": {**block, "kind": "mixed"}}}, quiet=True)
    assert set(mixed["gut"].var["kind"]) == {"composition"}


def test_a_biom_file_is_refused_with_the_way_to_text(tmp_path: Path):
    (tmp_path / "gut.biom").write_bytes(b"\x89HDF")
    block = {"file": tmp_path / "gut.biom", "format": "taxa", "kind": "counts"}
    (problem,) = check_cohort({"blocks": {"gut": block}}).errors
    assert (problem.code, "biom convert" in problem.remedy) == ("FILE_TYPE", True)


@pytest.mark.parametrize(
    ("text", "depth", "lineage"),
    [
        ("d__Bacteria;p__Firmicutes_A;c__;o__;f__;g__;s__", 6, ("Bacteria", "Firmicutes_A")),
        ("D_0__Bacteria;D_1__Proteobacteria;D_2__uncultured bacterium", 2, ("Bacteria", "Proteobacteria")),
        (
            "k__B|p__F|c__C|o__O|f__L|g__G|s__G_one|t__SGB1",
            7,
            ("B", "F", "C", "O", "L", "G", "G_one", "SGB1"),
        ),
        ("d__B; p__F; c__uncultured; o__O", 3, ("B", "F", "", "O")),
        ("OTU_1", -1, ()),
        ("Unassigned", -1, ()),
    ],
)
def test_lineages_of_all_writings(text: str, depth: int, lineage: tuple[str, ...]):
    assert depth_of(text) == depth
    assert lineage_of(text) == lineage


NAMES = st.lists(st.sampled_from(["", "A", "B", "C d"]), min_size=1, max_size=7).map(tuple)


@given(
    st.lists(NAMES.map(lambda names: cut(names, 6)), unique=True, max_size=12), st.sampled_from([None, 5, 6])
)
def test_distinct_lineages_get_distinct_names(lineages: list[tuple[str, ...]], rank: int | None):
    kept = list(dict.fromkeys(lineage if rank is None else cut(lineage, rank) for lineage in lineages))
    names = short_names(kept, rank)
    assert len(set(names)) == len(names), dict(zip(kept, names, strict=True))


@settings(max_examples=25)
@given(
    counts=st.lists(st.lists(st.integers(0, 99), min_size=2, max_size=2), min_size=1, max_size=8),
    rank=st.sampled_from(["phylum", "genus"]),
)
def test_sums_of_samples_are_kept_at_every_rank(
    tmp_path_factory: pytest.TempPathFactory, counts: list[list[int]], rank: str
):
    path = tmp_path_factory.getbasetemp() / "sums.tsv"
    known = ["A", "", "B"]
    lines = [
        f"o{row}\t{first}\t{second}\tk__K; p__{known[row % 3]}; c__; o__; f__; g__{known[(row + 1) % 3]}"
        for row, (first, second) in enumerate(counts)
    ]
    table = read(path, "#OTU ID\tS1\tS2\ttaxonomy\n" + "\n".join(lines) + "\n", rank=rank)
    np.testing.assert_array_equal(table.frame.sum(axis=1), np.sum(counts, axis=0))
    path.unlink()
