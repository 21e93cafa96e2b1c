package es

// hevcParameters is what an SPS of HEVC says (ITU-T H.265 clauses 7.3.2.2 and E.2.1),
// up to what a container or a manifest asks for.
type hevcParameters struct {
	geometry
	vps, id        uint32
	subLayers      int // sps_max_sub_layers_minus1
	nested         bool
	general        [12]byte // general profile, tier, compatibility, constraints, level
	chroma         uint32
	luma, chromaBD uint32 // bit depths less 8
	reorder        int    // sps_max_num_reorder_pics of the highest sub-layer
	fields         bool   // field_seq_flag: pictures are fields
	segmentation   uint32 // min_spatial_segmentation_idc
}

// parseHEVC reads an SPS.
func parseHEVC(nal []byte) (s hevcParameters, ok bool) {
	if len(nal) < 16 || len(nal) > maxParameterSet {
		return s, false
	}
	r := bitReader{b: unescape(nal[2:], maxParameterSet)}
	s.vps = r.bits(4)
	s.subLayers = int(r.bits(3))
	s.nested = r.bits(1) == 1
	if s.subLayers > 6 {
		return s, false
	}
	s.tiers(&r)
	s.id = r.ue()
	s.size(&r)
	s.luma, s.chromaBD = r.ue(), r.ue()
	pocBits := int(r.ue()) + 4
	first := s.subLayers
	if r.bits(1) == 1 { // sps_sub_layer_ordering_info_present_flag
		first = 0
	}
	for ; first <= s.subLayers; first++ {
		r.ue() // sps_max_dec_pic_buffering_minus1
		s.reorder = int(r.ue())
		r.ue() // sps_max_latency_increase_plus1
	}
	for range 6 { // sizes of blocks, depths of their trees
		r.ue()
	}
	scaled := r.bits(1) == 1                        // scaling_list_enabled_flag
	if listed := scaled && r.bits(1) == 1; listed { // sps_scaling_list_data_present_flag
		hevcScalingLists(&r)
	}
	r.bits(2)           // amp, sample adaptive offset
	if r.bits(1) == 1 { // pcm_enabled_flag
		r.bits(8)
		r.ue()
		r.ue()
		r.bits(1)
	}
	if pocBits > 16 || !hevcReferenceSets(&r, pocBits) {
		return s, false
	}
	r.bits(2) // temporal motion vectors, strong intra smoothing
	if r.bits(1) == 1 {
		s.vui(&r)
	}
	return s, !r.short && s.id < 16 && s.chroma <= 3 && s.luma <= 8 && s.chromaBD <= 8 && s.reorder <= maxReorder && s.valid()
}

// tiers reads profile_tier_level (clause 7.3.3).
func (s *hevcParameters) tiers(r *bitReader) {
	for i := range s.general {
		s.general[i] = byte(r.bits(8))
	}
	var profile, level [8]bool
	for i := range s.subLayers {
		profile[i], level[i] = r.bits(1) == 1, r.bits(1) == 1
	}
	if s.subLayers > 0 {
		r.skip(2 * (8 - s.subLayers))
	}
	for i := range s.subLayers {
		if profile[i] {
			r.skip(88)
		}
		if level[i] {
			r.skip(8)
		}
	}
}

func (s *hevcParameters) size(r *bitReader) {
	s.chroma = r.ue()
	separate := s.chroma == 3 && r.bits(1) == 1
	s.width, s.height = int(r.ue()), int(r.ue())
	if r.bits(1) == 0 { // conformance_window_flag
		return
	}
	x, y := chromaUnits(s.chroma, separate)
	s.width -= x * (int(r.ue()) + int(r.ue()))
	s.height -= y * (int(r.ue()) + int(r.ue()))
}

// hevcScalingLists skips scaling_list_data (clause 7.3.4).
func hevcScalingLists(r *bitReader) {
	for size := range 4 {
		step := 1
		if size == 3 {
			step = 3
		}
		for matrix := 0; matrix < 6; matrix += step {
			if r.bits(1) == 0 {
				r.ue() // scaling_list_pred_matrix_id_delta
				continue
			}
			if size > 1 {
				r.ue() // scaling_list_dc_coef_minus8, signed
			}
			for range min(64, 16<<(2*size)) {
				r.ue()
			}
		}
	}
}

// hevcReferenceSets skips the short-term and long-term reference pictures.
func hevcReferenceSets(r *bitReader, pocBits int) bool {
	count := r.ue()
	if count > 64 {
		return false
	}
	previous := 0 // NumDeltaPocs of the set before
	for i := range count {
		if i > 0 && r.bits(1) == 1 { // inter_ref_pic_set_prediction_flag
			r.bits(1)
			r.ue()
			n := 0
			for range previous + 1 {
				used := r.bits(1) == 1 // used_by_curr_pic_flag
				if !used {
					used = r.bits(1) == 1 // use_delta_flag
				}
				if used {
					n++
				}
			}
			previous = n
		} else {
			negative, positive := r.ue(), r.ue()
			if negative > 16 || positive > 16 {
				return false
			}
			previous = int(negative + positive)
			for range previous {
				r.ue()
				r.bits(1)
			}
		}
		if r.short || previous > 32 {
			return false
		}
	}
	if r.bits(1) == 1 { // long_term_ref_pics_present_flag
		n := r.ue()
		if n > 32 {
			return false
		}
		r.skip(int(n) * (pocBits + 1))
	}
	return true
}

// vui reads vui_parameters (clause E.2.1).
func (s *hevcParameters) vui(r *bitReader) {
	if r.bits(1) == 1 {
		idc := r.bits(8)
		s.sarNum, s.sarDen = sampleAspect(idc)
		if idc == extendedSAR {
			s.sarNum, s.sarDen = int(r.bits(16)), int(r.bits(16))
		}
	}
	if r.bits(1) == 1 { // overscan
		r.bits(1)
	}
	if r.bits(1) == 1 { // video_signal_type_present_flag
		r.bits(3)
		s.colour.FullRange = r.bits(1) == 1
		if r.bits(1) == 1 {
			s.colour.Primaries, s.colour.Transfer, s.colour.Matrix = byte(r.bits(8)), byte(r.bits(8)), byte(r.bits(8))
		}
	}
	if r.bits(1) == 1 { // chroma location
		r.ue()
		r.ue()
	}
	r.bits(1) // neutral_chroma_indication_flag
	s.fields = r.bits(1) == 1
	r.bits(1)           // frame_field_info_present_flag
	if r.bits(1) == 1 { // default display window
		for range 4 {
			r.ue()
		}
	}
	if r.bits(1) == 1 { // vui_timing_info_present_flag
		s.units, s.scale = uint64(r.bits(32)), uint64(r.bits(32))
		if r.bits(1) == 1 {
			r.ue()
		}
		if r.bits(1) == 1 {
			hevcHRD(r, s.subLayers)
		}
	}
	if r.bits(1) == 1 { // bitstream_restriction_flag
		r.bits(3)
		s.segmentation = r.ue()
	}
}

// hevcHRD skips hrd_parameters( 1, subLayers ) (clause E.2.2).
func hevcHRD(r *bitReader, subLayers int) {
	nal, vcl := r.bits(1) == 1, r.bits(1) == 1
	sub := false
	if nal || vcl {
		if sub = r.bits(1) == 1; sub {
			r.skip(8 + 5 + 1 + 5)
		}
		r.skip(4 + 4)
		if sub {
			r.skip(4)
		}
		r.skip(5 + 5 + 5)
	}
	for range subLayers + 1 {
		fixedGeneral := r.bits(1) == 1
		fixed := fixedGeneral || r.bits(1) == 1
		low := false
		if fixed {
			r.ue() // elemental_duration_in_tc_minus1
		} else {
			low = r.bits(1) == 1
		}
		cpb := 1
		if !low {
			cpb = int(min(r.ue(), 31)) + 1
		}
		for _, present := range [...]bool{nal, vcl} {
			if !present {
				continue
			}
			for range cpb {
				r.ue()
				r.ue()
				if sub {
					r.ue()
					r.ue()
				}
				r.bits(1)
			}
		}
	}
}

// hevcParallelism returns parallelismType for what a PPS allows (ISO/IEC 14496-15
// clause 8.3.3.1.3): slices, tiles, wavefronts, or 0 for a mix.
func hevcParallelism(pps []byte) byte {
	if len(pps) < 3 {
		return 0
	}
	r := bitReader{b: unescape(pps[2:], 64)}
	r.ue()
	r.ue()
	r.bits(7) // up to cabac_init_present_flag
	r.ue()
	r.ue()
	r.ue() // init_qp_minus26, signed
	r.bits(2)
	if r.bits(1) == 1 { // cu_qp_delta_enabled_flag
		r.ue()
	}
	r.ue()
	r.ue()
	r.bits(4)
	tiles, wavefronts := r.bits(1) == 1, r.bits(1) == 1
	switch {
	case r.short || tiles && wavefronts:
		return 0
	case wavefronts:
		return 3
	case tiles:
		return 2
	}
	return 1
}
