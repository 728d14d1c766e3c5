"""Each format gives its text and what its layout tells."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import RGBColor
from PIL import Image
from reading_files import TEXT, docx_file, draw, encrypted_pdf, lines, marked, texts, write
from reportlab.lib.utils import ImageReader

from pipeline.reading import MissingPathError, find, normalise, read
from pipeline.report import SpurError


def letters(text: str) -> str:
    return re.sub(r"\s", "", normalise(text))


# --- finding ---------------------------------------------------------------------------------------


def test_find_goes_through_folders_and_skips_what_is_hidden(tmp_path: Path) -> None:
    for name in (
        "b.txt",
        "a.pdf",
        "under/c.docx",
        "under/bild.png",
        ".dold.txt",
        ".git/d.txt",
        "under/.x/e.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    found = [p.relative_to(tmp_path).as_posix() for p in find([tmp_path])]
    assert found == ["a.pdf", "b.txt", "under/bild.png", "under/c.docx"]
    assert find([tmp_path, tmp_path / "b.txt"]) == find([tmp_path]), "a file is listed once"
    assert find([tmp_path / ".dold.txt"]) == [tmp_path / ".dold.txt"], "a file given by name counts"


def test_find_tells_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(MissingPathError, match=r"saknas\.pdf: finns inte"):
        find([tmp_path, tmp_path / "saknas.pdf"])


def test_find_does_not_follow_a_ring_of_links(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "ring").symlink_to(tmp_path, target_is_directory=True)
    assert find([tmp_path]) == [tmp_path / "a.txt"]


# --- TXT -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "mac_roman", "cp850"],
)
def test_txt_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    text = "\r\n".join([*TEXT, "", "Öppenvården får många åtgärder."])
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    source = read(path)
    assert [line.text for line in lines(source)] == text.split("\r\n"), "blank lines stay"
    assert source.format == "txt"


def test_txt_keeps_windows_signs_and_survives_a_broken_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("«Bra» – enligt “alla”… 5 €".encode("cp1252"))
    assert texts(read(path)) == ["«Bra» – enligt “alla”… 5 €"]
    path.write_bytes("Läkarna får återkoppling på sjukhuset, så är det även här. ".encode() * 3 + b"\xff")
    assert "Läkarna får återkoppling" in texts(read(path))[0]


def test_form_feeds_part_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Ett\n\nTvå\n\fTre\nFyra\f\nFem", encoding="utf-8")
    pages = read(path).pages
    assert [(p.number, [x.text for x in p.lines]) for p in pages] == [
        (1, ["Ett", "", "Två"]), (2, ["Tre", "Fyra"]), (3, ["", "Fem"])]  # fmt: skip


# --- Markdown --------------------------------------------------------------------------------------


def test_markdown_marks_become_layout(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(
        "# Rapport #\n\nRubrik två\n---\n\n- Punkt *ett*\n* [x] Vald\n1. Första\n\n**Hela raden**\nHar **en del** fet\n"
        "2 * 3 * 4 och snake_case_namn\n\\- inte punkt &amp; så\n\n| Åtgärd | Datum |\n|---|---|\n| Rutin |  |\n",
        encoding="utf-8",
    )
    source = read(path)
    got = {line.text: line for line in lines(source)}
    assert got["Rapport"].heading == 1 and got["Rubrik två"].heading == 2
    assert got["Punkt ett"].bullet and got["1. Första"].bullet and not got["- inte punkt & så"].bullet
    assert got["[x] Vald"].marked and got["[x] Vald"].bullet
    assert got["Hela raden"].bold and not got["Har en del fet"].bold
    assert "2 * 3 * 4 och snake_case_namn" in got
    assert [(x.text, x.cell) for x in lines(source) if x.cell] == [
        ("Åtgärd", (0, 0, 0)), ("Datum", (0, 0, 1)), ("Rutin", (0, 1, 0)), ("", (0, 1, 1))]  # fmt: skip


def test_plain_text_called_markdown_keeps_its_lines(tmp_path: Path) -> None:
    text = "Klinik\n\nPalliativ vård\nSpecialitet\n\nStyrkor\n\n- Bra chef.\n\nNarrativ text med * stjärna."
    path = tmp_path / "a.md"
    path.write_text(text, encoding="utf-8")
    assert [line.text for line in lines(read(path))] == text.replace("- ", "").split("\n")


# --- HTML ------------------------------------------------------------------------------------------

HTML = """<!DOCTYPE html><html><head><meta charset="{0}"><title>Bort</title><style>p {{color:red}}</style></head><body>
<nav>Meny</nav><script>var dolt = "Bort";</script><h2>Styrkor &amp; annat</h2>
<ul><li>God   stämning<li>Bra <b>handledare</b></ul><p>Första<br>andra raden</p><p hidden>Bort</p>
<div style="display:none">Bort</div><p><strong>Fet rad</strong></p>
<label><input type="checkbox" checked> Vald grad</label><br><label><input type="checkbox"> Ej vald</label>
<table><tr><th>Åtgärd</th><th>Datum</th></tr><tr><td>Rutin för ÅÄÖ</td><td></td></tr></table>
<p style="color:#c00000">Röd</p></body></html>"""


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_html_is_read_as_a_browser_shows_it(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.html"
    path.write_bytes(HTML.format(encoding).encode(encoding))
    source = read(path)
    got = {line.text: line for line in lines(source)}
    assert list(got) == [
        "Styrkor & annat", "God stämning", "Bra handledare", "Första", "andra raden", "Fet rad", "☒ Vald grad",
        "☐ Ej vald", "Åtgärd", "Datum", "Rutin för ÅÄÖ", "", "Röd"]  # fmt: skip
    assert got["Styrkor & annat"].heading == 2
    assert got["God stämning"].bullet and got["Bra handledare"].bullet and not got["Första"].bullet
    assert not got["Första"].paragraph_end and got["andra raden"].paragraph_end
    assert got["Fet rad"].bold and got["Röd"].colour == "#c00000"
    assert marked(source) == ["☒ Vald grad"]
    assert got["Rutin för ÅÄÖ"].cell == (0, 1, 0)


def test_html_that_is_not_closed_and_has_entities_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.htm"
    path.write_text('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><p>Text &e; <b>fet<p>Mer')
    assert texts(read(path))[-1] == "Mer"
    assert "root:" not in " ".join(texts(read(path)))


# --- DOCX ------------------------------------------------------------------------------------------


def test_docx_in_document_order_with_styles(tmp_path: Path) -> None:
    def build(d: Any) -> None:
        d.add_heading("Styrkor", 2)
        d.add_paragraph("Bra stämning", style="List Bullet")
        p = d.add_paragraph("Första raden")
        p.add_run().add_break()
        p.add_run("andra raden")
        d.add_paragraph("").add_run("Hela fet").bold = True
        p = d.add_paragraph("delvis ")
        p.add_run("fet").bold = True
        t = d.add_table(2, 3)
        t.cell(0, 0).merge(t.cell(0, 1)).text = "Sammanslagen"
        t.cell(0, 2).text = "Datum"
        t.cell(1, 0).text = "Åtgärd\nmed två stycken"
        d.add_paragraph("Efter tabellen").runs[0].font.color.rgb = RGBColor(0xC0, 0, 0)
        d.add_page_break()
        d.add_paragraph("Ny sida")

    source = read(docx_file(tmp_path / "a.docx", build))
    got = {line.text: line for line in lines(source)}
    assert texts(source) == [
        "Styrkor", "Bra stämning", "Första raden", "andra raden", "Hela fet", "delvis fet", "Sammanslagen", "Datum",
        "Åtgärd", "med två stycken", "Efter tabellen", "Ny sida"]  # fmt: skip
    assert got["Styrkor"].heading == 2 and got["Bra stämning"].bullet
    assert not got["Första raden"].paragraph_end and got["andra raden"].paragraph_end
    assert got["Hela fet"].bold and not got["delvis fet"].bold
    assert got["Efter tabellen"].colour == "#c00000"
    assert [x.cell for x in lines(source) if x.cell] == [
        (0, 0, 0), (0, 0, 2), (0, 1, 0), (0, 1, 0), (0, 1, 1), (0, 1, 2)]  # fmt: skip
    assert [x.text for x in source.pages[1].lines] == ["Ny sida"]


def _add(d: Any, xml: str) -> None:
    d.element.body.insert(len(d.element.body) - 1, parse_xml(xml))


W14 = 'xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml"'


def _box(checked: int, text: str) -> str:
    sign = "☒" if checked else "☐"
    return (
        f'<w:p {nsdecls("w")} {W14}><w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val="{checked}"/></w14:checkbox>'
        f"</w:sdtPr><w:sdtContent><w:r><w:t>{sign}</w:t></w:r></w:sdtContent></w:sdt>"
        f'<w:r><w:t xml:space="preserve"> {text}</w:t></w:r></w:p>'
    )


def test_docx_marks(tmp_path: Path) -> None:
    def build(d: Any) -> None:
        for grade in "ABD":
            _add(d, _box(grade == "B", f"{grade} enligt skalan"))
        for code, text in (("F0FE", "ikryssad"), ("F0A8", "tom")):
            _add(
                d,
                f'<w:p {nsdecls("w")}><w:r><w:sym w:font="Wingdings" w:char="{code}"/><w:t> {text}</w:t></w:r></w:p>',
            )
        for on in (0, 1):
            _add(
                d,
                f'<w:p {nsdecls("w")}><w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:default '
                f'w:val="{on}"/></w:checkBox></w:ffData></w:fldChar></w:r><w:r><w:instrText>FORMCHECKBOX</w:instrText>'
                f"</w:r><w:r><w:t> fält {on}</w:t></w:r></w:p>",
            )
        t = d.add_table(2, 2)
        t.cell(0, 0).text, t.cell(0, 1).text = "", "Rad utan kryss"
        t.cell(1, 0).text, t.cell(1, 1).text = "X", "Rad med kryss"
        d.add_paragraph("").add_run("Överstruken").font.highlight_color = 7

    assert marked(read(docx_file(tmp_path / "a.docx", build))) == [
        "☒ B enligt skalan", "☑ ikryssad", "☒ fält 1", "X", "Rad med kryss", "Överstruken"]  # fmt: skip


def test_docx_tracked_changes_hidden_text_and_boxes(tmp_path: Path) -> None:
    def build(d: Any) -> None:
        _add(
            d,
            f'<w:p {nsdecls("w")}><w:r><w:t xml:space="preserve">Graden är </w:t></w:r><w:del><w:r><w:delText>D'
            "</w:delText></w:r></w:del><w:ins><w:r><w:t>C</w:t></w:r></w:ins><w:r><w:rPr><w:vanish/></w:rPr>"
            "<w:t>DOLT</w:t></w:r><w:r><w:t>-</w:t><w:noBreakHyphen/><w:softHyphen/><w:t>läge</w:t></w:r></w:p>",
        )
        _add(
            d,
            f'<w:p {nsdecls("w")} xmlns:v="urn:schemas-microsoft-com:vml" xmlns:mc="http://schemas.openxmlformats.org/'
            'markup-compatibility/2006"><w:r><w:t>Ankare</w:t><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing>'
            "<w:txbxContent><w:p><w:r><w:t>I rutan</w:t></w:r></w:p></w:txbxContent></w:drawing></mc:Choice>"
            "<mc:Fallback><w:pict><v:textbox><w:txbxContent><w:p><w:r><w:t>I rutan</w:t></w:r></w:p></w:txbxContent>"
            "</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>",
        )
        _add(
            d,
            f"<w:sdt {nsdecls('w')}><w:sdtContent><w:p><w:r><w:t>I kontroll</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        )
        d.sections[0].header.paragraphs[0].text = "Sidhuvud"

    assert texts(read(docx_file(tmp_path / "a.docx", build))) == [
        "Graden är C--läge", "Ankare", "I rutan", "I kontroll"]  # fmt: skip


def test_docx_area_letters_that_word_numbers(tmp_path: Path) -> None:
    def build(d: Any) -> None:
        numbering = d.part.numbering_part.element
        numbering.insert(0, parse_xml(
            f'<w:abstractNum {nsdecls("w")} w:abstractNumId="90"><w:lvl w:ilvl="0"><w:start w:val="1"/>'
            '<w:numFmt w:val="upperLetter"/><w:lvlText w:val="%1."/></w:lvl></w:abstractNum>'))  # fmt: skip
        numbering.append(
            parse_xml(f'<w:num {nsdecls("w")} w:numId="90"><w:abstractNumId w:val="90"/></w:num>')
        )
        style = d.styles.add_style("Område", WD_STYLE_TYPE.PARAGRAPH)
        style.base_style = d.styles["Heading 2"]
        style.element.get_or_add_pPr().append(parse_xml(
            f'<w:numPr {nsdecls("w")}><w:ilvl w:val="0"/><w:numId w:val="90"/></w:numPr>'))  # fmt: skip
        for name in ("Verksamheten", "Medarbetarstab", "Lokaler"):
            d.add_paragraph(name, style="Område")
            d.add_paragraph("Text.")

    source = read(docx_file(tmp_path / "a.docx", build))
    assert [x.text for x in lines(source) if x.heading == 2] == [
        "A. Verksamheten",
        "B. Medarbetarstab",
        "C. Lokaler",
    ]


# --- PDF -------------------------------------------------------------------------------------------


def test_pdf_lines_tell_place_size_weight_and_colour(tmp_path: Path) -> None:
    def paint(c: Any) -> None:
        write(TEXT)(c)
        c.setFont("Helvetica-Bold", 16)
        c.drawString(70, 600, "Svagheter")
        c.setFont("Helvetica", 11)
        c.setFillColorRGB(0.75, 0, 0)
        c.drawString(100, 500, "D Röd rad")
        c.showPage()
        c.drawString(70, 700, "Sida två")

    source = read(draw(tmp_path / "a.pdf", paint))
    got = {line.text: line for line in lines(source)}
    assert list(got) == [*TEXT, "Svagheter", "D Röd rad", "Sida två"]
    assert got["Svagheter"].bold and got["Svagheter"].size == 16 and not got[TEXT[0]].bold
    assert got["D Röd rad"].colour == "#bf0000" and got["D Röd rad"].x0 == 100 and got[TEXT[0]].colour is None
    assert got[TEXT[0]].top is not None and 70 < got[TEXT[0]].top < 90
    assert [p.number for p in source.pages] == [1, 2]


def test_pdf_words_without_spaces_spaced_letters_and_accents_over_letters(tmp_path: Path) -> None:
    def paint(c: Any) -> None:
        for i, word in enumerate(["Handledning", "sker", "varje", "vecka."]):
            c.drawString(70 + 75 * i, 700, word)
        for i, letter in enumerate("SVAGHETER"):
            c.drawString(70 + 16 * i, 650, letter)
        width = c.stringWidth("f", "Helvetica", 11)
        c.drawString(70, 600, "for")
        c.drawString(70 + width + 1.2, 600, "¨")
        for dx in (0, 0.3):
            c.drawString(70 + dx, 550, "Dubbelt ritad rad")

    source = read(draw(tmp_path / "a.pdf", paint))
    assert texts(source) == ["Handledning sker varje vecka.", "SVAGHETER", "för", "Dubbelt ritad rad"]
    assert lines(source)[-1].bold


def test_pdf_columns_do_not_interleave(tmp_path: Path) -> None:
    left = [f"Vänster spalt med text på rad {i}" for i in range(9)]
    right = [f"Höger spalt som har text på rad {i}" for i in range(9)]

    def paint(c: Any) -> None:
        c.drawString(70, 790, "En rubrik som går över hela sidans bredd och förbi spalternas mellanrum")
        write(left)(c)
        write(right, x=320, y=754)(c)

    assert texts(read(draw(tmp_path / "a.pdf", paint)))[1:] == left + right


def test_pdf_label_and_value_stay_on_one_line(tmp_path: Path) -> None:
    def paint(c: Any) -> None:
        write([f"Etikett {i}:" for i in range(8)])(c)
        write([f"Ett värde som är lite längre, nummer {i}" for i in range(8)], x=220)(c)

    assert (
        texts(read(draw(tmp_path / "a.pdf", paint)))[0] == "Etikett 0: Ett värde som är lite längre, nummer 0"
    )


def test_pdf_ruled_tables_are_read_cell_by_cell(tmp_path: Path) -> None:
    def paint(c: Any) -> None:
        c.drawString(70, 780, "Åtgärdsplan")
        c.grid([70, 250, 350, 480], [760, 740, 690])
        for x, word in ((74, "Åtgärd"), (254, "Datum"), (354, "Ansvarig")):
            c.drawString(x, 746, word)
        for i, row in enumerate(["En rutin för bedömningar", "tas fram under våren."]):
            c.drawString(74, 726 - 14 * i, row)
        c.drawString(354, 726, "Chefen")
        c.drawString(70, 650, "Efter tabellen.")

    got = [(x.text, x.cell, x.paragraph_end) for x in lines(read(draw(tmp_path / "a.pdf", paint)))]
    assert got == [
        ("Åtgärdsplan", None, False),
        ("Åtgärd", (0, 0, 0), True), ("Datum", (0, 0, 1), True), ("Ansvarig", (0, 0, 2), True),
        ("En rutin för bedömningar", (0, 1, 0), False), ("tas fram under våren.", (0, 1, 0), True),
        ("", (0, 1, 1), True), ("Chefen", (0, 1, 2), True),
        ("Efter tabellen.", None, False),
    ]  # fmt: skip


def test_pdf_turned_pages(tmp_path: Path) -> None:
    def paint(c: Any) -> None:
        c.rotate(90)
        write(TEXT, x=70, y=-100)(c)

    assert texts(read(draw(tmp_path / "a.pdf", paint))) == TEXT


def test_pdf_watermarks_and_margins_stay_out_of_the_text(tmp_path: Path) -> None:
    def paint(c: Any) -> None:
        write(TEXT)(c)
        c.saveState()
        c.translate(60, 720)
        c.rotate(30)
        c.drawString(0, 0, "UTKAST")
        c.restoreState()
        c.rotate(90)
        c.drawString(700, -20, "i marginalen")

    got = texts(read(draw(tmp_path / "a.pdf", paint)))
    assert got[:3] == TEXT and sorted(got[3:]) == ["UTKAST", "i marginalen"]


def test_pdf_with_an_invisible_layer_of_recognised_text(tmp_path: Path) -> None:
    def paint(c: Any) -> None:
        c.drawImage(ImageReader(Image.new("L", (20, 28), 200)), 0, 0, 595, 842)
        for i, row in enumerate(TEXT):
            layer = c.beginText(70, 700 - 20 * i)
            layer.setTextRenderMode(3)
            layer.textOut(row)
            c.drawText(layer)

    assert texts(read(draw(tmp_path / "a.pdf", paint))) == TEXT


def test_owner_password_alone_does_not_lock_reading(tmp_path: Path) -> None:
    assert texts(read(encrypted_pdf(tmp_path / "a.pdf", user=""))) == TEXT


# --- real reports, printed -------------------------------------------------------------------------


@pytest.mark.parametrize("stem", ["aleris", "blekinge"])
def test_real_reports_come_out_whole(shared: Path, tmp_path: Path, stem: str) -> None:
    text = (shared / "reports" / f"{stem}.txt").read_text(encoding="utf-8")
    rows = text.split("\n")

    def paint(c: Any) -> None:
        y = 800.0
        for row in rows:
            for part in re.findall(r"(?:.{1,90})(?:\s+|$)|\S{1,90}", row) or [""]:
                if y < 50:
                    c.showPage()
                    c.setFont("Times-Roman", 11)
                    y = 800.0
                c.drawString(60, y, part)
                y -= 15

    def build(d: Any) -> None:
        for row in rows:
            d.add_paragraph(row)

    plain = tmp_path / "a.txt"
    plain.write_text(text, encoding="cp1252")
    for path in (plain, draw(tmp_path / "a.pdf", paint), docx_file(tmp_path / "a.docx", build)):
        source = read(path)
        assert letters("".join(texts(source))) == letters(text), path.suffix
        assert " ".join(texts(source)).split() == normalise(text).split(), path.suffix
        assert not marked(source), path.suffix


# --- by content ------------------------------------------------------------------------------------


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    pdf = draw(tmp_path / "a.pdf", write(TEXT)).rename(tmp_path / "b.txt")
    word = docx_file(tmp_path / "c.docx").rename(tmp_path / "d.pdf")
    page = tmp_path / "e.txt"
    page.write_bytes(codecs.BOM_UTF8 + b"<!doctype html><p>Hej</p>")
    assert [read(p).format for p in (pdf, word, page)] == ["pdf", "docx", "html"]
    assert texts(read(pdf)) == texts(read(word)) == TEXT


def test_a_text_named_as_word_file_is_read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    path.write_text("Bara text")
    assert read(path).format == "txt"


def test_reading_a_file_that_is_gone_or_no_file(tmp_path: Path) -> None:
    with pytest.raises(SpurError, match="finns inte"):
        read(tmp_path / "borta.pdf")
    with pytest.raises(SpurError, match="mapp"):
        read(tmp_path)
