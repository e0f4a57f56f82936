import type { Chip } from '../model/chip.ts';

/**
 * What the `board` of a TXT record says about the chip. The value is compiled into the firmware, and the cores of the two
 * families use different words for it:
 * - esp8266/Arduino announces the board id (`ARDUINO_BOARD_ID`, LEAmDNS.cpp, `enableArduino`), up to core 2.4.2 the build's board
 *   name (`ARDUINO_BOARD`: `ESP8266_NODEMCU`, under PlatformIO `PLATFORMIO_NODEMCUV2`);
 * - arduino-esp32 announces the variant (`ARDUINO_VARIANT`, ESPmDNS.cpp, `enableArduino`).
 *
 * The facts, lower case and sorted: esp8266/Arduino f946290e boards.txt (ids and `build.board`), platform-espressif8266 4.2.1
 * boards/*.json (ids); `build.mcu` by `build.variant` of platform-espressif32 6.13.0 and its fork for arduino-esp32 3.3.11
 * (55.03.311) boards/*.json. A board that is not here proves nothing.
 */
const BOARDS: Partial<Record<Chip, string>> = {
  esp8266: `
    agruminolemon amperka_wifi_slot arduino-esp8266 blynk cw01 d1 d1_mini d1_mini_clone d1_mini_lite d1_mini_pro
    d1_wroom_02 eduinowifi esp01 esp01_1m esp07 esp07s esp12e esp210 esp8285 esp_wroom_02 espduino espectro espino
    espinotee espmxdevkit espresso_lite_v1 espresso_lite_v2 gen4_iod gen4iod generic heltec_wifi_kit_8 huzzah
    inventone mercury mod_wifi_esp8266 modwifi nodemcu nodemcuv2 oak phoenix_v1 phoenix_v2 sonoff sonoff_basic
    sonoff_s20 sonoff_sv sonoff_th sparkfunblynk thing thingdev wifi_kit_8 wifi_slot wifiduino wifiduino_esp8266
    wifinfo wio_link wio_node wiolink xinabox_cw01
  `,
  esp32: `
    adafruit_feather_esp32_v2 adafruit_itsybitsy_esp32 adafruit_qtpy_esp32 alksesp32 bpi-bit ch_denky cnrs_aw2eth
    connaxio_espoir d-duino-32 d1_mini32 d1_uno32 d32 d32_pro deneyapkart deneyapkart1a dfrobot_firebeetle2_esp32e
    doitesp32devkitv1 doitespduino32 dpu_esp32 esp32 esp32-devkit-lipo esp32-evb esp32-gateway esp32-poe
    esp32-poe-iso esp32-trueverit-iot-driver esp32-trueverit-iot-driver-mkii esp32-trueverit-iot-driver-mkiii esp320
    esp32micromod esp32thing esp32thing_plus esp32thing_plus_c esp32vn-iot-uno espea32 espectro32 espino32 et-board
    feather_esp32 firebeetle32 fm-devkit frog32 gpy healthypi4 heltec_wifi_kit_32 heltec_wifi_lora_32
    heltec_wifi_lora_32_v2 heltec_wireless_stick heltec_wireless_stick_lite honeylemon hornbill32dev
    hornbill32minima imbrios-logsens-v1p1 intorobot-fig ioxesp32 jczn_2432s028r lilygo_t_display lionbit lolin32
    lolin32-lite lopy lopy4 m5stack_atom m5stack_core m5stack_core2 m5stack_core_esp32 m5stack_coreink m5stack_fire
    m5stack_paper m5stack_stamp_pico m5stack_station m5stack_timer_cam m5stick_c magicbit mgbot-iotik32a
    mgbot-iotik32b mhetesp32devkit mhetesp32minikit microduino-esp32 mpython nano32 nina_w10 nodemcu-32s
    odroid_esp32 onehorse32dev openkb oroca_edubot pico32 piranha_esp-32 pocket_32 quantum roboheart_hercules
    s_odi_ultra_v1 sparkfun_esp32_iot_redboard sparkfun_lora_gateway_1-channel tbeam ttgo-lora32-v1 ttgo-lora32-v2
    ttgo-lora32-v21new ttgo-t1 ttgo-t7-v13-mini32 ttgo-t7-v14-mini32 twatch um_tinypico upesy_esp32_wroom_devkit
    upesy_esp32_wrover_devkit vintlabsdevkitv1 watchy wesp32 widora-air wifiduino32 wipy3 wt32-eth01 xinabox
  `,
  esp32s2: `
    adafruit_feather_esp32s2 adafruit_feather_esp32s2_reversetft adafruit_feather_esp32s2_tft
    adafruit_funhouse_esp32s2 adafruit_magtag29_esp32s2 adafruit_metro_esp32s2 adafruit_qtpy_esp32s2
    atmegazero_esp32s2 bee_motion deneyapmini deneyapminiv2 department_of_alchemy_minimain_esp32s2 esp32s2
    esp32s2thing_plus franzininho_wifi_esp32s2 franzininho_wifi_msc_esp32s2 lolin_s2_mini lolin_s2_pico micro_s2
    sensebox_mcu_esp32s2 um_feathers2 um_feathers2neo um_rmp um_tinys2
  `,
  esp32s3: `
    adafruit_camera_esp32s3 adafruit_feather_esp32s3 adafruit_feather_esp32s3_nopsram
    adafruit_feather_esp32s3_reversetft adafruit_feather_esp32s3_tft adafruit_matrixportal_esp32s3
    adafruit_metro_esp32s3 adafruit_qtpy_esp32s3_n4r2 adafruit_qtpy_esp32s3_nopsram adafruit_qualia_s3_rgb666
    arduino_nano_nora atd147_s3 aventen_s3_sync bee_data_logger bee_motion_s3 bee_s3 bpi_leaf_s3
    cytron_maker_feather_aiot_s3 deneyapkart1av2 dfrobot_firebeetle2_esp32s3 dfrobot_romeo_esp32s3 edgebox-esp-100
    esp32_s3r8n16 esp32s3 esp32s3_powerfeather esp32s3box esp32s3camlcd esp32s3usbotg heltec_wifi_kit_32_v3
    heltec_wifi_lora_32_v3 huidu_hd_wf2 huidu_hd_wf4 lilygo_t_display_s3 lionbits3 lolin_s3 lolin_s3_mini
    lolin_s3_mini_pro lolin_s3_pro m5stack_atoms3 m5stack_cores3 m5stack_stamp_s3 motorgo_mini_1 namino_arancio
    namino_rosso nebula_s3 redpill_esp32s3 sparkfun_esp32s3_thing_plus tamc_termod_s3 um_bling um_edges3_d
    um_feathers3 um_feathers3neo um_nanos3 um_omgs3 um_pros3 um_squixl um_tinys3 unphone8 unphone9
    waveshare_esp32_s3_zero waveshare_esp32s3_touch_lcd_128 wifiduino32s3 ws_esp32_s3_matrix wt32-sc01-plus
    xiao_esp32s3 xiao_esp32s3_plus yb_esp32s3_amp yb_esp32s3_amp_v2 yb_esp32s3_amp_v3 yb_esp32s3_dac yb_esp32s3_drv
    yb_esp32s3_eth
  `,
  esp32c2: 'esp32c2',
  esp32c3: `
    adafruit_qtpy_esp32c3 airm2m_core_esp32c3 bee_motion_mini deneyapkartg dfrobot_beetle_esp32c3 esp32c3
    esp_c3_m1_i_kit lolin_c3_mini nologo_esp32c3_super_mini sparkfun_pro_micro_esp32c3 ttgo-t-oi-plus
    valtrack_v4_mfw_esp32_c3 valtrack_v4_vts_esp32_c3 wifiduinov2 xiao_esp32c3
  `,
  esp32c5: 'esp32c5 xiao_esp32c5',
  esp32c6: `
    adafruit_feather_esp32c6 arduino_nesso_n1 dfrobot_firebeetle2_esp32c6 esp32c6 sparkfun_esp32c6_qwiic_pocket
    sparkfun_esp32c6_thing_plus um_tinyc6 xiao_esp32c6
  `,
  esp32c61: 'esp32c61',
  esp32h2: 'esp32h2',
  esp32p4: 'esp32p4 m5stack_tab5',
};

const CHIP_OF_BOARD: ReadonlyMap<string, Chip> = new Map(
  Object.entries(BOARDS).flatMap(([chip, boards]) =>
    boards
      .trim()
      .split(/\s+/)
      .map((board): [string, Chip] => [board, chip as Chip]),
  ),
);

/** The chip that firmware announcing this `board` was built for, or null where the table does not know. Ignores case. */
export function chipOfBoard(board: string): Chip | null {
  const name = board.toLowerCase();
  if (name.startsWith('esp8266_')) return 'esp8266'; // each `build.board` of esp8266/Arduino up to core 2.4.2
  return CHIP_OF_BOARD.get(name.replace(/^platformio_/, '')) ?? null;
}
