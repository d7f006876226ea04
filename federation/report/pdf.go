package report

import (
	"errors"
	"io"
)

// WritePDF writes the report for print.
func WritePDF(io.Writer, *Report) error { return errors.New("write PDF report: not built") }
