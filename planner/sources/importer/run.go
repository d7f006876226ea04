package importer

// Reader understands files of one kind of source. It returns the report with path, kind, problems and refusals, and the
// resources found; it never keeps anything from one file to the next.
type Reader func(f File) (FileReport, []Resource)

// Import reads every file with the first reader that does not refuse it and assembles one document. Of readers that all
// refuse, the last one's reason stands. To recognise files by themselves, pass the readers of all sources, the most
// particular first: terraform.Read, azure.Read.
func Import(files []File, opts Options, readers ...Reader) Result {
	files, restore := Ordered(files)
	reports := make([]FileReport, len(files))
	var resources []Resource
	for i, f := range files {
		var found []Resource
		for _, read := range readers {
			if reports[i], found = read(f); reports[i].Status != Refused {
				break
			}
		}
		for j := range found {
			found[j].File = i
		}
		resources = append(resources, found...)
	}
	result := Assemble(opts, reports, resources)
	restore(result.Files)
	return result
}
