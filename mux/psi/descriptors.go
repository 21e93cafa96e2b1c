package psi

import (
	"fmt"
	"reflect"
)

// tagExtension is the descriptor_tag whose first byte is descriptor_tag_extension
// (EN 300 468 clause 6.2.16).
const tagExtension = 0x7F

// extended is a descriptor with descriptor_tag_extension.
type extended interface {
	Descriptor
	extension() uint8
}

// descriptorEntry says what the package knows of one descriptor_tag.
type descriptorEntry struct {
	tag  uint8
	name string // as the standard writes it
	make func() Descriptor
}

// made returns a constructor for a descriptor struct.
func made[T any, P interface {
	*T
	Descriptor
}]() func() Descriptor {
	return func() Descriptor { return P(new(T)) }
}

// lookupDescriptor finds the meaning of a tag in its scope. The data decides for
// tagExtension.
func lookupDescriptor(s scope, tag uint8, data []byte) (descriptorEntry, bool) {
	network := s.table >= TableNITActual && s.table <= TableNITOther || s.table == TableBAT
	switch {
	case s.table == TableAIT && tag < 0x40:
		return findDescriptor(applicationDescriptors, tag)
	case tag == tagExtension && len(data) > 0:
		return findDescriptor(extensionDescriptors, data[0])
	case tag < 0x80:
		return findDescriptor(commonDescriptors, tag)
	case s.specifier == SpecifierEACEM, s.specifier == SpecifierAustralia, s.specifier == 0 && network:
		return findDescriptor(eacemDescriptors, tag)
	case s.specifier == SpecifierNorDig:
		return findDescriptor(nordigDescriptors, tag)
	case s.specifier == SpecifierDBook:
		return findDescriptor(dbookDescriptors, tag)
	case s.specifier == 0 && s.table == TablePMT:
		return findDescriptor(scteDescriptors, tag)
	}
	return descriptorEntry{}, false
}

func findDescriptor(entries []descriptorEntry, tag uint8) (descriptorEntry, bool) {
	for _, e := range entries {
		if e.tag == tag {
			return e, true
		}
	}
	return descriptorEntry{}, false
}

// The lists of descriptors, one for each name space of tags. They are never
// written to.
var (
	commonDescriptors = []descriptorEntry{
		{0x02, "video_stream_descriptor", made[VideoStream]()},
		{0x03, "audio_stream_descriptor", made[AudioStream]()},
		{0x05, "registration_descriptor", made[Registration]()},
		{0x06, "data_stream_alignment_descriptor", made[DataStreamAlignment]()},
		{0x09, "CA_descriptor", made[CADescriptor]()},
		{0x0A, "ISO_639_language_descriptor", made[ISO639Language]()},
		{0x0C, "multiplex_buffer_utilization_descriptor", made[MultiplexBufferUtilization]()},
		{0x0E, "maximum_bitrate_descriptor", made[MaximumBitrate]()},
		{0x0F, "private_data_indicator_descriptor", made[PrivateDataIndicator]()},
		{0x10, "smoothing_buffer_descriptor", made[SmoothingBuffer]()},
		{0x13, "carousel_identifier_descriptor", made[CarouselIdentifier]()},
		{0x14, "association_tag_descriptor", made[AssociationTag]()},
		{0x28, "AVC_video_descriptor", made[AVCVideo]()},
		{0x2A, "AVC_timing_and_HRD_descriptor", made[AVCTimingHRD]()},
		{0x38, "HEVC_video_descriptor", made[HEVCVideo]()},
		{0x40, "network_name_descriptor", made[NetworkName]()},
		{0x41, "service_list_descriptor", made[ServiceList]()},
		{0x43, "satellite_delivery_system_descriptor", made[SatelliteDelivery]()},
		{0x44, "cable_delivery_system_descriptor", made[CableDelivery]()},
		{0x45, "VBI_data_descriptor", made[VBIData]()},
		{0x46, "VBI_teletext_descriptor", made[VBITeletext]()},
		{0x47, "bouquet_name_descriptor", made[BouquetName]()},
		{0x48, "service_descriptor", made[Service]()},
		{0x49, "country_availability_descriptor", made[CountryAvailability]()},
		{0x4A, "linkage_descriptor", made[Linkage]()},
		{0x4B, "NVOD_reference_descriptor", made[NVODReference]()},
		{0x4C, "time_shifted_service_descriptor", made[TimeShiftedService]()},
		{0x4D, "short_event_descriptor", made[ShortEvent]()},
		{0x4E, "extended_event_descriptor", made[ExtendedEvent]()},
		{0x4F, "time_shifted_event_descriptor", made[TimeShiftedEvent]()},
		{0x50, "component_descriptor", made[Component]()},
		{0x52, "stream_identifier_descriptor", made[StreamIdentifier]()},
		{0x53, "CA_identifier_descriptor", made[CAIdentifier]()},
		{0x54, "content_descriptor", made[Content]()},
		{0x55, "parental_rating_descriptor", made[ParentalRating]()},
		{0x56, "teletext_descriptor", made[Teletext]()},
		{0x58, "local_time_offset_descriptor", made[LocalTimeOffset]()},
		{0x59, "subtitling_descriptor", made[Subtitling]()},
		{0x5A, "terrestrial_delivery_system_descriptor", made[TerrestrialDelivery]()},
		{0x5B, "multilingual_network_name_descriptor", made[MultilingualNetworkName]()},
		{0x5C, "multilingual_bouquet_name_descriptor", made[MultilingualBouquetName]()},
		{0x5D, "multilingual_service_name_descriptor", made[MultilingualServiceName]()},
		{0x5E, "multilingual_component_descriptor", made[MultilingualComponent]()},
		{0x5F, "private_data_specifier_descriptor", made[PrivateDataSpecifier]()},
		{0x60, "service_move_descriptor", made[ServiceMove]()},
		{0x61, "short_smoothing_buffer_descriptor", made[ShortSmoothingBuffer]()},
		{0x62, "frequency_list_descriptor", made[FrequencyList]()},
		{0x63, "partial_transport_stream_descriptor", made[PartialTransportStream]()},
		{0x64, "data_broadcast_descriptor", made[DataBroadcast]()},
		{0x65, "scrambling_descriptor", made[Scrambling]()},
		{0x66, "data_broadcast_id_descriptor", made[DataBroadcastID]()},
		{0x69, "PDC_descriptor", made[PDC]()},
		{0x6A, "AC-3_descriptor", made[AC3]()},
		{0x6B, "ancillary_data_descriptor", made[AncillaryData]()},
		{0x6C, "cell_list_descriptor", made[CellList]()},
		{0x6D, "cell_frequency_link_descriptor", made[CellFrequencyLink]()},
		{0x6E, "announcement_support_descriptor", made[AnnouncementSupport]()},
		{0x6F, "application_signalling_descriptor", made[ApplicationSignalling]()},
		{0x70, "adaptation_field_data_descriptor", made[AdaptationFieldData]()},
		{0x71, "service_identifier_descriptor", made[ServiceIdentifier]()},
		{0x72, "service_availability_descriptor", made[ServiceAvailability]()},
		{0x73, "default_authority_descriptor", made[DefaultAuthority]()},
		{0x76, "content_identifier_descriptor", made[ContentIdentifier]()},
		{0x79, "S2_satellite_delivery_system_descriptor", made[S2Delivery]()},
		{0x7A, "enhanced_ac-3_descriptor", made[EAC3]()},
		{0x7B, "DTS_audio_stream_descriptor", made[DTS]()},
		{0x7C, "AAC_descriptor", made[AAC]()},
		{0x7E, "FTA_content_management_descriptor", made[FTAContentManagement]()},
	}
	extensionDescriptors = []descriptorEntry{ // by descriptor_tag_extension
		{0x04, "T2_delivery_system_descriptor", made[T2Delivery]()},
		{0x06, "supplementary_audio_descriptor", made[SupplementaryAudio]()},
		{0x07, "network_change_notify_descriptor", made[NetworkChangeNotify]()},
		{0x08, "message_descriptor", made[Message]()},
		{0x0B, "service_relocated_descriptor", made[ServiceRelocated]()},
		{0x0D, "C2_delivery_system_descriptor", made[C2Delivery]()},
		{0x0E, "DTS-HD_audio_stream_descriptor", made[DTSHD]()},
		{0x11, "T2MI_descriptor", made[T2MI]()},
		{0x15, "AC-4_descriptor", made[AC4]()},
	}
	applicationDescriptors = []descriptorEntry{ // in an AIT
		{0x00, "application_descriptor", made[ApplicationInfo]()},
		{0x01, "application_name_descriptor", made[ApplicationName]()},
		{0x02, "transport_protocol_descriptor", made[TransportProtocol]()},
		{0x15, "simple_application_location_descriptor", made[SimpleApplicationLocation]()},
	}
	eacemDescriptors = []descriptorEntry{
		{0x83, "logical_channel_descriptor", made[LogicalChannel]()},
		{0x88, "HD_simulcast_logical_channel_descriptor", made[HDSimulcastChannel]()},
	}
	nordigDescriptors = []descriptorEntry{
		{0x83, "NorDig logical_channel_descriptor version 1", made[NorDigChannel]()},
		{0x87, "NorDig logical_channel_descriptor version 2", made[NorDigChannelList]()},
	}
	dbookDescriptors = []descriptorEntry{
		{0x83, "D-Book logical_channel_descriptor", made[DBookChannel]()},
		{0x86, "D-Book service_attribute_descriptor", made[DBookServiceAttribute]()},
		{0x88, "HD_simulcast_logical_channel_descriptor", made[HDSimulcastChannel]()},
	}
	scteDescriptors = []descriptorEntry{
		{0x8A, "cue_identifier_descriptor", made[CueIdentifier]()},
	}
)

// DescriptorName returns the name of a descriptor as the standards write it, or
// its number.
func DescriptorName(d Descriptor) string {
	if raw, ok := d.(*Raw); ok {
		if raw.View != nil {
			return DescriptorName(raw.View)
		}
		return fmt.Sprintf("descriptor %#02x", d.Tag())
	}
	for _, entries := range [][]descriptorEntry{
		commonDescriptors, extensionDescriptors, applicationDescriptors,
		eacemDescriptors, nordigDescriptors, dbookDescriptors, scteDescriptors,
	} {
		for _, e := range entries {
			if reflect.TypeOf(e.make()) == reflect.TypeOf(d) {
				return e.name
			}
		}
	}
	return fmt.Sprintf("descriptor %#02x", d.Tag())
}
