// extract ZIP PREFIX FOLDER writes the files of a zip whose names begin with the prefix into the folder.
package main

import (
	"archive/zip"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	archive, err := zip.OpenReader(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range archive.File {
		name, found := strings.CutPrefix(file.Name, os.Args[2])
		if !found || !filepath.IsLocal(name) {
			continue
		}
		if err := write(file, filepath.Join(os.Args[3], name)); err != nil {
			log.Fatal(err)
		}
	}
}

func write(file *zip.File, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	from, err := file.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.Close()
}
