package main

import (
	"github.com/millrace-io/millrace/internal/load"
	"github.com/millrace-io/millrace/internal/load/report"
)

// s3Curve has one point: what HTTP and signatures add to the CPU of the same load on a folder.
var s3Curve = report.Curve{Name: "s3", X: "MB/s offered",
	Title: "An S3 server on this machine, by HTTP without TLS, beside a folder: the load of fanout, one agent a zone, both as far away",
	Columns: []report.Column{
		{Name: "a folder: CPU of the writing zone, a GiB", Unit: "s/GiB"},
		{Name: "S3: CPU of the writing zone, a GiB", Unit: "s/GiB"},
		{Name: "more than on a folder, a GiB in", Unit: "s/GiB"},
		{Name: "a folder: CPU of the reading zone, a GiB", Unit: "s/GiB"},
		{Name: "S3: CPU of the reading zone, a GiB", Unit: "s/GiB"},
		{Name: "S3: produced", Unit: "MB/s"},
		{Name: "S3: a segment", Unit: "MB"},
	}}

// s3Turns is how often each is measured, in turns: the difference is small beside what changes from run to run.
const s3Turns = 2

func (b *bench) s3() error {
	return b.along(s3Curve, b.points(fanoutPace/1e6), func(pace int) ([]report.Figure, error) {
		c := fanoutLoad(float64(pace) * 1e6)
		var folderIn, folderOut, s3In, s3Out float64
		var last fanned
		for range s3Turns {
			folder, err := b.fanoutOnFolder(1, c)
			b.rig.Cleanup()
			if err != nil {
				return nil, err
			}
			if last, err = b.fanoutOnS3(c); err != nil {
				return nil, err
			}
			folderIn, folderOut = folderIn+folder.writersPerGiB/s3Turns, folderOut+folder.readsPerGiB/s3Turns
			s3In, s3Out = s3In+last.writersPerGiB/s3Turns, s3Out+last.readsPerGiB/s3Turns
		}
		return figures(folderIn, s3In, s3In-folderIn, folderOut, s3Out, last.produced, last.segmentMB), nil
	})
}

func (b *bench) fanoutOnS3(c load.Config) (fanned, error) {
	defer b.rig.Cleanup()
	server, err := b.rig.StartS3()
	if err != nil {
		return fanned{}, err
	}
	return b.acrossZones(server.URL("scale")+"&latency="+javaProfile, 1, c)
}
