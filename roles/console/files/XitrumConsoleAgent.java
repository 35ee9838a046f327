// Copyright (c) 2026, the xitrum.host maintainers
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;

/** What the JVM that is attached to keeps for ever, and so as little as can be: it lets each console bring its own classes. */
public final class XitrumConsoleAgent {
    private XitrumConsoleAgent() {
    }

    public static void agentmain(String folder) throws Exception {
        URL classes = new File(folder, "classes").toURI().toURL();
        ClassLoader loader = new URLClassLoader(new URL[] {classes}, ClassLoader.getSystemClassLoader());
        Class.forName("XitrumConsoleShell", true, loader).getMethod("open", String.class).invoke(null, folder);
    }
}
