package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
)

const (
	recordBytes = 1024
	// halved is how many times smaller lz4 makes a batch.
	halved = 2
	// recordLines are the records that Kafka's producer tool draws from: so many that none comes twice in a batch.
	recordLines = 16 << 10
)

// phrases are the half of a record that compresses.
var phrases = []string{
	`{"level":"info","service":"checkout","message":"order placed","id":"`, `"currency":"EUR","status":"accepted","amount":"`,
	`"region":"eu-central-1","host":"node-7","trace":"`, `payment authorised, retrying after timeout: "`,
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"

// recordLine is a record in printable letters, of phrases and, as long as they, random letters.
func recordLine(rng *rand.Rand) []byte {
	line := make([]byte, 0, recordBytes+100)
	for len(line) < recordBytes {
		phrase := phrases[rng.IntN(len(phrases))]
		line = append(line, phrase...)
		for range len(phrase) * 4 / 5 { // lz4 spends some bytes on each phrase
			line = append(line, letters[rng.IntN(len(letters))])
		}
	}
	return line[:recordBytes]
}

// writeRecords makes the file of records for Kafka's producer tool.
func writeRecords(dir string) (string, error) {
	rng := rand.New(rand.NewPCG(1, 2))
	var text []byte
	for range recordLines {
		text = append(text, recordLine(rng)...)
		text = append(text, '\n')
	}
	path := filepath.Join(dir, "records")
	return path, os.WriteFile(path, text, 0o644)
}
