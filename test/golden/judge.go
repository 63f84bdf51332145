// Answers, for each question on stdin, whether Go's own transparency log code says that it holds.
package main

import (
	"encoding/json"
	"os"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type question struct {
	Kind     string
	Note     string
	Vkey     string
	Text     *string
	Leaf     string
	Index    int64
	Size     int64
	Root     string
	From     int64
	FromRoot string
	Path     []string
}

func hash(text string) tlog.Hash {
	parsed, err := tlog.ParseHash(text)
	if err != nil {
		panic(err)
	}
	return parsed
}

func holds(asked question) bool {
	if asked.Kind == "note" {
		verifier, err := note.NewVerifier(asked.Vkey)
		if err != nil {
			panic(err)
		}
		_, err = note.Open([]byte(asked.Note), note.VerifierList(verifier))
		return err == nil
	}
	var path []tlog.Hash
	for _, text := range asked.Path {
		path = append(path, hash(text))
	}
	if asked.Kind == "tree" {
		return tlog.CheckTree(path, asked.Size, hash(asked.Root), asked.From, hash(asked.FromRoot)) == nil
	}
	leaf := tlog.Hash{}
	if asked.Text != nil {
		leaf = tlog.RecordHash([]byte(*asked.Text))
	} else {
		leaf = hash(asked.Leaf)
	}
	return tlog.CheckRecord(path, asked.Size, hash(asked.Root), asked.Index, leaf) == nil
}

func main() {
	var questions []question
	if err := json.NewDecoder(os.Stdin).Decode(&questions); err != nil {
		panic(err)
	}
	answers := []bool{}
	for _, asked := range questions {
		answers = append(answers, holds(asked))
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}
