package importer

// Reader understands files of one kind of source. It returns the report with path, kind, problems and refusals, and the
// resources found; it never keeps anything from one file to the next.
type Reader func(f File) (FileReport, []Resource)

// Import reads every file with the first reader that does not refuse it and assembles one document. With several
// readers that all refuse, the report is that of the one that recognised most: the last that named a kind other than
// text, so order them from the most to the least specific.
func Import(files []File, opts Options, readers ...Reader) Result {
	reports := make([]FileReport, len(files))
	var resources []Resource
	for i, f := range files {
		var found []Resource
		for _, read := range readers {
			report, rs := read(f)
			if reports[i].Kind == "" || report.Status != Refused {
				reports[i], found = report, rs
			}
			if report.Status != Refused {
				break
			}
		}
		for j := range found {
			found[j].File = i
		}
		resources = append(resources, found...)
	}
	return Assemble(opts, reports, resources)
}
