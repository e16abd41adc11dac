package main

import (
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

func (b *bench) s3() error {
	return b.along(s3Curve, b.points(fanoutPace/1e6), func(pace int) ([]report.Figure, error) {
		c := fanoutLoad(float64(pace) * 1e6)
		folder, err := b.fanoutOnFolder(1, c)
		b.rig.Cleanup()
		if err != nil {
			return nil, err
		}
		server, err := b.rig.StartS3()
		if err != nil {
			return nil, err
		}
		s3, err := b.acrossZones(server.URL("scale")+"&latency="+javaProfile, 1, c)
		return figures(folder.writersPerGiB, s3.writersPerGiB, s3.writersPerGiB-folder.writersPerGiB,
			folder.readsPerGiB, s3.readsPerGiB, s3.produced, s3.segmentMB), err
	})
}
