"""What the omic blocks measure: modules of blood genes and airway genera of the simulated cohort.

The symbols are real human genes, grouped by the cells or processes that they mark in blood; all figures are
invented.
"""

from __future__ import annotations

from dataclasses import dataclass

from phenotyper.datasets.features import Effects


@dataclass(frozen=True)
class GeneModule:
    """Genes that move together.

    Parameters
    ----------
    name : str
        Cells or process.
    effects : tuple of float
        Weights of the atopic, neutrophilic and metabolic process.
    age, curve : float, str
        Weight and form of the change with age.
    genes : tuple of str
        HGNC symbols.
    """

    name: str
    effects: Effects
    age: float
    curve: str
    genes: tuple[str, ...]


def _module(name: str, effects: Effects, age: float, curve: str, genes: str) -> GeneModule:
    return GeneModule(name, effects, age, curve, tuple(genes.split()))


GENE_MODULES: tuple[GeneModule, ...] = (
    _module(
        "eosinophils and basophils",
        (1.0, -0.3, 0.0),
        0.0,
        "steady",
        "CLC SIGLEC8 CCR3 IL5RA ALOX15 CPA3 MS4A2 HDC GATA2 PRSS33 SMPD3 CCL23 IL1RL1 OLIG2 CAT CEBPE "
        "RNASE2 RNASE3 EPX PRG2 PTGDR2 FCER1A FCER2 CACNG6 SLC29A1 TRIB1 HRH4 ADGRE1 VSTM1 IDO1 CYSLTR2 "
        "ASB2 SIGLEC10 DACH1 LGALS12 IL4R GPR82 ENPP3",
    ),
    _module(
        "neutrophils",
        (-0.2, 1.0, 0.0),
        0.3,
        "early",
        "S100A8 S100A9 S100A12 MMP8 MMP9 CXCR1 CXCR2 FCGR3B CSF3R LCN2 LTF CAMP CEACAM8 DEFA4 ELANE MPO "
        "AZU1 BPI OLFM4 ARG1 CD177 MCEMP1 PGLYRP1 ANXA3 HP IL1R2 FPR1 FPR2 ALPL MME TNFAIP6 PADI4 VNN1 "
        "VNN2 TLR2 TLR4 CLEC4D CLEC4E SLPI",
    ),
    _module(
        "interferon response",
        (-0.2, 0.6, -0.3),
        -0.3,
        "early",
        "IFI27 IFI44 IFI44L IFI6 IFIT1 IFIT2 IFIT3 IFIT5 ISG15 RSAD2 MX1 MX2 OAS1 OAS2 OAS3 OASL SIGLEC1 "
        "USP18 HERC5 HERC6 XAF1 EPSTI1 CMPK2 LY6E DDX60 STAT1 IRF7 LAMP3",
    ),
    _module(
        "lipid and energy metabolism",
        (0.0, -0.2, 1.0),
        0.3,
        "puberty",
        "LEPR ADIPOR1 ADIPOR2 PPARG PPARA FADS1 FADS2 SCD SREBF1 FASN ACACA LDLR HMGCR CPT1A CPT1B PDK4 "
        "ANGPTL4 ABCA1 ABCG1 NR1H3 FABP4 FABP5 CD36 PLIN2 PNPLA2 TXNIP SOCS3 RETN NAMPT IRS2",
    ),
    _module(
        "B cells",
        (0.2, -0.3, 0.0),
        -1.6,
        "early",
        "CD19 MS4A1 CD79A CD79B CD22 BLK BANK1 PAX5 FCRLA FCRL1 FCRL2 VPREB3 TCL1A CR2 EBF1 POU2AF1 SPIB "
        "IGHM IGHD TNFRSF13B TNFRSF13C CD72 BLNK RALGPS2 CD24 HLA-DOB AFF3 BACH2",
    ),
    _module(
        "naive T cells",
        (0.2, -0.4, 0.1),
        -1.3,
        "steady",
        "CCR7 LEF1 TCF7 SELL MAL NELL2 LRRN3 CD27 CD28 IL7R CD3D CD3E CD3G CD5 CD6 CD2 BCL11B ETS1 SATB1 "
        "TRAT1 ITK LCK FOXP1 PRKCQ RCAN3 ABLIM1 OXNAD1 FHIT NOG GATA3",
    ),
    _module(
        "cytotoxic cells",
        (-0.3, 0.1, 0.3),
        1.2,
        "steady",
        "GNLY NKG7 GZMA GZMB GZMH GZMK PRF1 FGFBP2 KLRD1 KLRF1 KLRB1 KLRG1 NCAM1 CD8A CD8B CD160 CX3CR1 "
        "ADGRG1 S1PR5 TBX21 EOMES CST7 CCL4 CCL5 FCRL6 TIGIT",
    ),
    _module(
        "platelets",
        (0.0, 0.1, 0.5),
        -0.6,
        "early",
        "PF4 PPBP GP9 GP1BA GP1BB ITGA2B ITGB3 TUBB1 MYL9 TREML1 CLEC1B SPARC SELP CMTM5 NRGN F13A1 GNG11 "
        "CAVIN2 PTGS1 CLU",
    ),
    _module(
        "red cells",
        (0.0, -0.2, 0.3),
        -0.8,
        "early",
        "HBD HBG1 HBG2 HBM ALAS2 AHSP SLC4A1 EPB42 GYPA GYPB SELENBP1 CA1 DMTN FECH BPGM SNCA TRIM58 XK "
        "KLF1 SPTA1 ANK1",
    ),
    _module(
        "monocytes and dendritic cells",
        (-0.1, 0.3, 0.5),
        0.5,
        "puberty",
        "CD14 FCGR1A CD163 VCAN FCN1 LYZ CSF1R CD68 MS4A7 CLEC9A CD1C CLEC10A FCER1G HLA-DRA HLA-DQA1 "
        "CIITA CD74 CCR2 MARCO MSR1 ITGAM ITGAX TLR7 TLR8 NOD2",
    ),
    _module(
        "every cell",
        (0.0, 0.0, 0.0),
        0.2,
        "steady",
        "ACTB GAPDH B2M RPLP0 RPL3 RPL13A RPS6 RPS18 EEF1A1 EEF2 TBP HPRT1 PGK1 UBC YWHAZ SDHA TFRC",
    ),
)


@dataclass(frozen=True)
class Genus:
    """One airway genus: the middle of its log abundance, what moves it, and its change with age."""

    name: str
    abundance: float
    effects: Effects
    age: float


def _genera(effects: Effects, age: float, abundances: dict[str, float]) -> tuple[Genus, ...]:
    return tuple(Genus(name, abundance, effects, age) for name, abundance in abundances.items())


GENERA: tuple[Genus, ...] = (
    *_genera(
        (1.0, -0.3, 0.0),
        0.0,
        {"Dolosigranulum": 1.6, "Corynebacterium": 2.0, "Staphylococcus": 1.9, "Cutibacterium": 0.4},
    ),
    *_genera(
        (0.7, -0.2, 0.0),
        0.6,
        {"Micrococcus": -0.4, "Sphingomonas": -0.6, "Bifidobacterium": -0.7, "Lactobacillus": 0.0},
    ),
    *_genera(
        (-0.3, 1.0, -0.1),
        -0.6,
        {"Moraxella": 2.8, "Haemophilus": 2.6, "Streptococcus": 3.0, "Mycoplasma": -0.2},
    ),
    *_genera(
        (-0.2, 0.8, 0.0),
        0.0,
        {"Neisseria": 2.2, "Pseudomonas": 0.3, "Klebsiella": -0.5, "Acinetobacter": 0.0, "Gemella": 1.4},
    ),
    *_genera(
        (0.0, -0.2, 1.0),
        0.5,
        {"Prevotella": 2.7, "Veillonella": 2.4, "Megasphaera": 0.4, "Atopobium": 0.2, "Dialister": -0.3},
    ),
    *_genera(
        (-0.1, 0.0, 0.8),
        0.8,
        {"Rothia": 1.8, "Actinomyces": 1.5, "Schaalia": 0.6, "Oribacterium": 0.0, "Solobacterium": -0.2},
    ),
    *_genera(
        (0.0, 0.0, 0.2),
        1.2,
        {"Fusobacterium": 1.6, "Porphyromonas": 1.4, "Leptotrichia": 1.0, "Alloprevotella": 0.9},
    ),
    *_genera(
        (0.0, 0.0, 0.1),
        1.3,
        {
            "Selenomonas": -0.1,
            "Treponema": -0.3,
            "Tannerella": -0.4,
            "Capnocytophaga": 0.5,
            "Catonella": -0.4,
        },
    ),
    *_genera(
        (0.1, 0.0, 0.0),
        -0.9,
        {"Granulicatella": 1.1, "Kingella": -0.1, "Bergeyella": -0.1, "Escherichia": -0.4},
    ),
    *_genera(
        (0.0, 0.1, 0.0),
        0.0,
        {"Campylobacter": 0.6, "Lautropia": 0.2, "Aggregatibacter": 0.3, "Stomatobaculum": -0.3},
    ),
    *_genera(
        (0.0, 0.0, 0.0), 0.0, {"Lachnoanaerobaculum": -0.2, "Peptostreptococcus": -0.2, "Parvimonas": -0.1}
    ),
    *_genera((0.0, 0.0, 0.0), 0.0, {"Stenotrophomonas": -0.5, "Enterobacter": -0.6, "Ralstonia": -0.5}),
)
