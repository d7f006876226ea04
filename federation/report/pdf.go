package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
)

// writePDF writes the report on A4 pages, with bookmarks. The fonts are embedded; a character they lack is printed as a
// box, which the method says.
func writePDF(w io.Writer, r *Report) error {
	font, err := sfnt.Parse(goregular.TTF)
	if err != nil {
		return fmt.Errorf("write PDF report: %w", err)
	}
	p := pdf{Fpdf: fpdf.New("P", "mm", "A4", ""), font: font, report: r}
	p.AddUTF8FontFromBytes("go", "", goregular.TTF)
	p.AddUTF8FontFromBytes("go", "B", gobold.TTF)
	p.SetCreationDate(r.At) // Not the time of writing, so that the bytes repeat.
	p.SetModificationDate(r.At)
	p.SetCatalogSort(true)
	p.SetProducer("Meridian", true)
	p.SetTitle(p.text(r.Title), true)
	p.SetLang("en")
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(false, 0)
	p.AliasNbPages("{pages}")
	p.SetFooterFunc(p.footer)
	p.AddPage()
	p.cover()
	p.summary()
	p.coverage()
	p.clusters()
	p.rules()
	p.places()
	p.waivers()
	p.shared()
	p.findings()
	p.method()
	var b bytes.Buffer
	if err := p.Output(&b); err != nil {
		return fmt.Errorf("write PDF report: %w", err)
	}
	if _, err := b.WriteTo(w); err != nil {
		return fmt.Errorf("write PDF report: %w", err)
	}
	return nil
}

// Measures of the page in millimetres.
const (
	margin     = 15.0
	pageWidth  = 210.0
	pageHeight = 297.0
	bodyWidth  = pageWidth - 2*margin
	bottom     = pageHeight - 18
)

// color is a colour of the page, red, green and blue.
type color [3]int

func ink() color { return color{23, 33, 43} }

func soft() color { return color{82, 96, 109} }

func statusColor(status string) color {
	switch status {
	case string(Compliant), "pass", Fresh:
		return color{23, 104, 63}
	case string(NonCompliant), "fail", "expired":
		return color{163, 32, 26}
	case string(NotKnown), Stale, NoData:
		return color{148, 93, 0}
	case string(Waived), "in force", "not-applicable":
		return color{69, 83, 107}
	}
	return ink()
}

type pdf struct {
	*fpdf.Fpdf
	font   *sfnt.Font
	glyphs sfnt.Buffer
	report *Report
}

// text replaces what the font cannot show; fpdf does not check for it.
func (p *pdf) text(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		if r < ' ' {
			return ' '
		}
		if i, err := p.font.GlyphIndex(&p.glyphs, r); err != nil || i == 0 || r > 0xffff {
			return '□'
		}
		return r
	}, s)
}

func (p *pdf) style(size float64, style string, c color) {
	p.SetFont("go", style, size)
	p.SetTextColor(c[0], c[1], c[2])
}

func (p *pdf) footer() {
	p.SetY(pageHeight - 12)
	p.style(7, "", soft())
	const most = 24 // characters of the hash; the cover has all
	line := fmt.Sprintf("%s, as of %s, %s", p.report.Title, instantText(p.report.At), p.report.Hash[:min(most, len(p.report.Hash))])
	p.CellFormat(bodyWidth-22, 4, p.wrap(line, bodyWidth-22)[0], "", 0, "L", false, 0, "")
	p.CellFormat(22, 4, fmt.Sprintf("%d / {pages}", p.PageNo()), "", 0, "R", false, 0, "")
}

// room begins a new page when less than the height is left.
func (p *pdf) room(height float64) {
	if p.GetY()+height > bottom {
		p.AddPage()
		p.SetY(margin)
	}
}

func (p *pdf) heading(text string) {
	p.room(28)
	p.Ln(5)
	p.Bookmark(p.text(text), 0, -1)
	p.style(14, "B", ink())
	p.CellFormat(0, 8, p.text(text), "", 1, "L", false, 0, "")
	p.Ln(1)
}

func (p *pdf) subheading(text string) {
	p.room(18)
	p.Ln(2)
	p.style(10.5, "B", ink())
	p.CellFormat(0, 6, p.text(text), "", 1, "L", false, 0, "")
}

func (p *pdf) paragraph(text string) { p.lines(text, 9, 4.4, "", ink(), margin, bodyWidth) }

// lines writes wrapped text, over page ends if it must.
func (p *pdf) lines(text string, size, height float64, style string, c color, x, width float64) {
	p.style(size, style, c)
	for _, line := range p.wrap(text, width) {
		p.room(height)
		p.style(size, style, c)
		p.SetX(x)
		p.CellFormat(width, height, line, "", 1, "L", false, 0, "")
	}
}

// wrap breaks text at spaces; a word wider than the line is broken after a hyphen or slash, or else anywhere.
func (p *pdf) wrap(text string, width float64) []string {
	width -= 2*p.GetCellMargin() + 0.2
	var out []string
	for paragraph := range strings.SplitSeq(p.text(text), "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			if joined := strings.TrimLeft(line+" "+word, " "); p.GetStringWidth(joined) <= width {
				line = joined
				continue
			}
			if line != "" {
				out = append(out, line)
			}
			for p.GetStringWidth(word) > width && len([]rune(word)) > 1 {
				head := p.head(word, width)
				out = append(out, head)
				word = word[len(head):]
			}
			line = word
		}
		out = append(out, line)
	}
	return out
}

// head is the beginning of a word that fits the width: at least one letter, and never all of it.
func (p *pdf) head(word string, width float64) string {
	fits, hyphen := 0, 0
	for i, r := range word {
		end := i + utf8.RuneLen(r)
		if end == len(word) || i > 0 && p.GetStringWidth(word[:end]) > width {
			break
		}
		fits = end
		if r == '-' || r == '/' {
			hyphen = end
		}
	}
	if hyphen > 0 {
		fits = hyphen
	}
	return word[:fits]
}

// column is one column of a table.
type column struct {
	name   string
	width  float64 // share of the table's width
	number bool
	status bool // the text is a status and takes its colour
}

// table writes a table whose header is repeated on each page.
func (p *pdf) table(columns []column, rows [][]string) {
	const size, headerSize, height, pad = 7.6, 6.8, 3.5, 1.1
	total := 0.0
	for _, c := range columns {
		total += c.width
	}
	width := func(i int) float64 { return bodyWidth * columns[i].width / total }
	header := func() {
		p.style(headerSize, "B", soft())
		var cells [][]string
		most := 1
		for i, c := range columns {
			cells = append(cells, p.wrap(c.name, width(i)))
			most = max(most, len(cells[i]))
		}
		y, x := p.GetY(), margin
		for i := range columns {
			for k, line := range cells[i] {
				p.SetXY(x, y+float64(most-len(cells[i])+k)*height)
				p.CellFormat(width(i), height, line, "", 0, alignment(columns[i]), false, 0, "")
			}
			x += width(i)
		}
		p.SetY(y + float64(most)*height + 0.6)
		p.rule(0.4)
	}
	p.room(20)
	header()
	for _, row := range rows {
		p.style(size, "", ink())
		cells := make([][]string, len(columns))
		most := 1
		for i := range columns {
			cells[i] = p.wrap(row[i], width(i))
			most = max(most, len(cells[i]))
		}
		// A row longer than a page is split by lines.
		for from := 0; from < most; {
			if p.GetY()+height+2*pad > bottom || p.GetY()+float64(most-from)*height+2*pad > bottom && p.GetY() > margin+20 {
				p.AddPage()
				p.SetY(margin)
				header()
			}
			n := min(most-from, int((bottom-p.GetY()-2*pad)/height))
			y, x := p.GetY()+pad, margin
			for i, c := range columns {
				p.style(size, "", ink())
				if c.status {
					p.style(size, "B", statusColor(row[i]))
				}
				for k := from; k < min(from+n, len(cells[i])); k++ {
					p.SetXY(x, y+float64(k-from)*height)
					p.CellFormat(width(i), height, cells[i][k], "", 0, alignment(c), false, 0, "")
				}
				x += width(i)
			}
			p.SetY(y + float64(n)*height + pad)
			from += n
		}
		p.rule(0.15)
	}
	p.Ln(3)
}

func alignment(c column) string {
	if c.number {
		return "R"
	}
	return "L"
}

func (p *pdf) rule(thickness float64) {
	p.SetDrawColor(200, 207, 214)
	p.SetLineWidth(thickness)
	p.Line(margin, p.GetY(), pageWidth-margin, p.GetY())
}
