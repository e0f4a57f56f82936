/** USB ids of Espressif's chips where they are the USB device themselves (Espressif, usb-pids; esptool documentation, "USB"). */
export const ESPRESSIF_VENDOR = 0x303a;
/** The USB-Serial/JTAG block; its serial number is the MAC address. */
export const USB_SERIAL_JTAG = 0x1001;
/** The ROM's own USB device; the product id is the chip's id. */
export const ROM_USB_OTG = { esp32s2: 0x0002, esp32s3: 0x0009, esp32p4: 0x0012 } as const;
